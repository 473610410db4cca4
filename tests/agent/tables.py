"""Small tables whose answers can be checked by eye."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

STAFF = pa.table(
    {
        "employee_id": list(range(1, 11)),
        "name": ["Ann", "Ben", "Cem", "Dora", "Eva", "Finn", "Gus", "Hana", "Ivo", "Jo"],
        "department": ["Sales", "Sales", "Sales", "IT", "IT", "IT", "IT", "HR", "HR", None],
        "gender": ["Female", "Male", "Male", "Female", "Female", "Male", "Male", "Female", "Male", "Female"],
        "salary": [50000, 40000, 60000, 70000, 80000, 90000, 55000, 45000, 45000, None],
        "age": [25, 31, 42, 38, 55, 61, 29, 47, 33, 52],
        "hire_date": [dt.date(y, m, 15) for y, m in [(2010, 1), (2012, 3), (2015, 6), (2015, 7), (2016, 3), (2018, 11),
                                                     (2019, 3), (2020, 2), (2021, 5), (2021, 12)]],
        "city": ["Rome", "Oslo", "Rome", "New York", "Oslo", "New York", "Rome", "Rome", "Oslo", "Rome"],
        "remote": [True, False, True, True, False, False, True, True, False, None],
        "bonus": [1000, None, None, 2000, 2500, None, 1500, None, 900, None],
    }
)  # fmt: skip

TRIPS = pa.table(
    {
        "carrier": ["AA", "AA", "UA", "UA", "UA", "DL", "DL", "WN"],
        "origin": ["JFK", "LGA", "JFK", "EWR", "EWR", "LGA", "JFK", "EWR"],
        "dest": ["LAX", "ORD", "LAX", "SFO", "LAX", "ATL", "LGA", "ORD"],
        "dep_delay": [10, -2, 35, None, 0, 5, 120, 8],
        "arr_delay": [12, -5, 20, None, -7, 1, 110, 4],
        "distance": [2475, 733, 2475, 2565, 2454, 762, 11, 719],
        "year": [2013] * 8,
        "month": [1, 1, 2, 2, 3, 3, 3, 12],
        "Air Quality (pm2.5)": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5],
    }
)

COUNTRIES = pa.table(
    {
        "Country": ["France", "France", "Japan", "Japan", "Chile", "Chile"],
        "Year": [2000, 2010, 2000, 2010, 2000, 2010],
        "Population": [59, 63, 127, 128, 15, 17],
        "GDP per capita": [22.4, 40.6, 39.2, 44.5, 5.1, 12.8],
        "Region": ["Europe", "Europe", "Asia", "Asia", "Americas", "Americas"],
    }
)

CUSTOMERS = pa.table({"customer_id": [1, 2, 3], "name": ["Ada", "Bob", "Cy"], "country": ["Peru", "Peru", "Cuba"]})
ORDERS = pa.table(
    {
        "order_id": [101, 102, 103, 104, 105],
        "customer_id": [1, 1, 2, 3, 3],
        "amount": [10.0, 30.0, 20.0, 5.0, 15.0],
        "status": ["paid", "open", "paid", "paid", "paid"],
        "ordered_at": [dt.datetime(2021, m, 3, 12, 30) for m in (1, 1, 2, 2, 3)],
    }
)

MANY_NAMES = pa.table(
    {
        "person": [f"Person {n:03}" for n in range(200)] + ["Yosemite Sam"],
        "place": [f"Place {n % 70:02}" for n in range(200)] + ["Person 150"],
        "score": list(range(201)),
    }
)
"""More texts than a description shows; one of them stands in two columns."""
