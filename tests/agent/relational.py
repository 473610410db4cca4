"""Small schemas and questions of the kind that people ask of several tables, with the SQL that answers them."""

from __future__ import annotations

SCHEMAS: dict[str, dict[str, str]] = {
    "concert": {
        "stadium": """
            SELECT * FROM (VALUES (1, 'Peterhead', 'Balmoor', 4000, 4837, 2106), (2, 'Kirkcaldy', 'Stark Park',
            10104, 1980, 1477), (3, 'Glasgow', 'Hampden Park', 52500, 1763, 730), (4, 'Brechin', 'Glebe Park',
            3960, 780, 331), (5, 'Ayr', 'Somerset Park', 11998, 2363, 1294)) t("stadium_id", "location", "name",
            "capacity", "highest", "average")
        """,
        "singer": """
            SELECT * FROM (VALUES (1, 'Joe Sharp', 'Netherlands', 'You', '1992', 52, 'F'), (2, 'Timbaland',
            'United States', 'Dangerous', '2008', 32, 'T'), (3, 'Justin Brown', 'France', 'Hey Oh', '2013', 29,
            'T'), (4, 'Rose White', 'France', 'Sun', '2003', 41, 'F'), (5, 'John Nizinik', 'France', 'Gentleman',
            '2014', 43, 'T'), (6, 'Tribal King', 'France', 'Love', '2016', 25, 'T')) t("singer_id", "name",
            "country", "song_name", "song_release_year", "age", "is_male")
        """,
        "concert": """
            SELECT * FROM (VALUES (1, 'Auditions', 'Free choice', 1, 2014), (2, 'Super bootcamp', 'Free choice 2',
            2, 2014), (3, 'Home Visits', 'Bleeding Love', 2, 2015), (4, 'Week 1', 'Wide Awake', 3, 2014), (5,
            'Week 1 B', 'Happy Tonight', 5, 2015), (6, 'Week 2', 'Party All Night', 3, 2015)) t("concert_id",
            "concert_name", "theme", "stadium_id", "year")
        """,
        "singer_in_concert": """
            SELECT * FROM (VALUES (1, 2), (1, 3), (1, 5), (2, 3), (2, 6), (3, 5), (4, 4), (5, 6), (5, 3), (6, 2))
            t("concert_id", "singer_id")
        """,
    },
    "pets": {
        "Student": """
            SELECT * FROM (VALUES (1001, 'Smith', 'Linda', 18, 'F', 600, 1121, 'BAL'), (1002, 'Kim', 'Tracy', 19,
            'F', 600, 7712, 'HKG'), (1003, 'Jones', 'Shiela', 21, 'F', 600, 7792, 'WAS'), (1004, 'Kumar',
            'Dinesh', 20, 'M', 600, 8423, 'CHI'), (1005, 'Gompers', 'Paul', 26, 'M', 600, 1121, 'YYZ'), (1006,
            'Schultz', 'Andy', 18, 'M', 600, 1148, 'BAL')) t("StuID", "LName", "Fname", "Age", "Sex", "Major",
            "Advisor", "city_code")
        """,
        "Has_Pet": """
            SELECT * FROM (VALUES (1001, 2001), (1002, 2002), (1002, 2003), (1003, 2004)) t("StuID", "PetID")
        """,
        "Pets": """
            SELECT * FROM (VALUES (2001, 'cat', 3, 12.0), (2002, 'dog', 2, 13.4), (2003, 'dog', 1, 9.3), (2004,
            'cat', 5, 7.1)) t("PetID", "PetType", "pet_age", "weight")
        """,
    },
    "company": {
        "departments": """
            SELECT * FROM (VALUES (1, 'Sales', 100000, 'Boston'), (2, 'Engineering', 250000, 'Austin'), (3,
            'Marketing', 80000, 'Boston'), (4, 'Legal', 50000, 'Denver')) t("department_id", "department_name",
            "budget", "city")
        """,
        "employees": """
            SELECT * FROM (VALUES (1, 'Ann', 'Lee', 50000, DATE '2015-03-01', 1, 'F'), (2, 'Bob', 'Ray', 60000,
            DATE '2016-07-15', 1, 'M'), (3, 'Cy', 'Fox', 90000, DATE '2018-01-10', 2, 'M'), (4, 'Di', 'Orr',
            120000, DATE '2012-11-30', 2, 'F'), (5, 'Ed', 'Poe', 70000, DATE '2020-05-05', 2, 'M'), (6, 'Flo',
            'Kay', 45000, DATE '2019-02-28', 3, 'F'), (7, 'Gil', 'Moe', NULL, DATE '2021-09-09', NULL, 'M'))
            t("employee_id", "first_name", "last_name", "salary", "hire_date", "department_id", "gender")
        """,
        "projects": """
            SELECT * FROM (VALUES (10, 'Apollo', 2, 300), (11, 'Zeus', 2, 120), (12, 'Hermes', 1, 80), (13, 'Ads',
            3, 60)) t("project_id", "title", "department_id", "hours")
        """,
        "assignments": """
            SELECT * FROM (VALUES (3, 10, 'lead'), (4, 10, 'dev'), (4, 11, 'lead'), (5, 11, 'dev'), (1, 12,
            'lead'), (2, 12, 'dev'), (6, 13, 'lead')) t("employee_id", "project_id", "role")
        """,
    },
    "shop": {
        "customers": """
            SELECT * FROM (VALUES (1, 'Ada', 'Peru', DATE '2020-01-05'), (2, 'Bob', 'Peru', DATE '2020-06-01'),
            (3, 'Cy', 'Cuba', DATE '2021-02-11'), (4, 'Dan', 'Chile', DATE '2021-12-01')) t("id", "name",
            "country", "signup_date")
        """,
        "products": """
            SELECT * FROM (VALUES (1, 'Lamp', 'Home', 20.0), (2, 'Desk', 'Home', 150.0), (3, 'Pen', 'Office',
            2.5), (4, 'Chair', 'Home', 85.0), (5, 'Stapler', 'Office', 12.0)) t("id", "product_name", "category",
            "price")
        """,
        "orders": """
            SELECT * FROM (VALUES (101, 1, DATE '2021-01-03', 'paid'), (102, 1, DATE '2021-01-20', 'open'), (103,
            2, DATE '2021-02-07', 'paid'), (104, 3, DATE '2021-02-09', 'paid'), (105, 3, DATE '2021-03-01',
            'cancelled')) t("id", "customer_id", "order_date", "status")
        """,
        "order_items": """
            SELECT * FROM (VALUES (101, 1, 2), (101, 3, 10), (102, 2, 1), (103, 4, 4), (103, 1, 1), (104, 3, 100),
            (105, 2, 2), (105, 5, 1)) t("order_id", "product_id", "quantity")
        """,
    },
    "cars": {
        "continents": """
            SELECT * FROM (VALUES (1, 'america'), (2, 'europe'), (3, 'asia')) t("ContId", "Continent")
        """,
        "countries": """
            SELECT * FROM (VALUES (1, 'usa', 1), (2, 'germany', 2), (3, 'france', 2), (4, 'japan', 3))
            t("CountryId", "CountryName", "Continent")
        """,
        "car_makers": """
            SELECT * FROM (VALUES (1, 'amc', 'American Motor Company', 1), (2, 'volkswagen', 'Volkswagen', 2), (3,
            'bmw', 'BMW', 2), (4, 'gm', 'General Motors', 1), (5, 'honda', 'Honda', 4)) t("Id", "Maker",
            "FullName", "Country")
        """,
        "model_list": """
            SELECT * FROM (VALUES (1, 1, 'amc'), (2, 2, 'audi'), (3, 3, 'bmw'), (4, 4, 'buick'), (5, 4,
            'cadillac'), (6, 5, 'honda')) t("ModelId", "Maker", "Model")
        """,
    },
    "school": {
        "teachers": """
            SELECT * FROM (VALUES (1, 'Joseph Huts', 'Blackrod', 32), (2, 'Gustaaf Deloor', 'Bolton', 29), (3,
            'Vicente Carretero', 'Bolton', 26), (4, 'Anna Cecchini', 'Kearsley', 45)) t("teacher_id", "name",
            "hometown", "age")
        """,
        "courses": """
            SELECT * FROM (VALUES (1, 'Math', 4, 1), (2, 'History', 3, 2), (3, 'Physics', 4, 1), (4, 'Art', 2, 3))
            t("course_id", "course_name", "credits", "teacher_id")
        """,
        "students": """
            SELECT * FROM (VALUES (1, 'Amy', 9, 3.5, DATE '2006-05-01'), (2, 'Ben', 10, 2.9, DATE '2005-03-11'),
            (3, 'Cat', 9, 3.9, DATE '2006-11-30'), (4, 'Dov', 11, 3.1, DATE '2004-01-20'), (5, 'Eli', 12, 3.7,
            DATE '2003-07-07')) t("student_id", "name", "grade", "gpa", "birth_date")
        """,
        "enrollments": """
            SELECT * FROM (VALUES (1, 1, 'Fall', 90), (1, 2, 'Spring', 80), (2, 1, 'Fall', 60), (3, 3, 'Spring',
            95), (3, 1, 'Fall', 88), (3, 4, 'Fall', 70), (4, 2, 'Spring', 75)) t("student_id", "course_id",
            "semester", "mark")
        """,
    },
    "flights": {
        "airlines": """
            SELECT * FROM (VALUES (1, 'United Airlines', 'UAL', 'USA'), (2, 'US Airways', 'USAir', 'USA'), (3,
            'Delta', 'Delta', 'USA'), (4, 'JetBlue', 'JetBlue', 'USA')) t("uid", "Airline", "Abbreviation",
            "Country")
        """,
        "airports": """
            SELECT * FROM (VALUES ('Aberdeen', 'APG', 'Phillips AAF', 'USA'), ('Abilene', 'DYS', 'Dyess AFB',
            'USA'), ('Abilene', 'ABI', 'Municipal', 'USA'), ('Akron', 'CAK', 'Akron Canton', 'USA')) t("City",
            "AirportCode", "AirportName", "Country")
        """,
        "flights": """
            SELECT * FROM (VALUES (28, 1, 'APG', 'DYS'), (29, 1, 'DYS', 'APG'), (44, 1, 'ABI', 'CAK'), (45, 2,
            'CAK', 'ABI'), (54, 2, 'APG', 'CAK'), (55, 3, 'ABI', 'DYS')) t("FlightNo", "Airline", "SourceAirport",
            "DestAirport")
        """,
    },
    "hire": {
        "employee": """
            SELECT * FROM (VALUES (1, 'George Chuter', 23, 'Bristol'), (2, 'Lee Mears', 29, 'Bath'), (3, 'Mark
            Regan', 43, 'Bristol'), (4, 'Jason Hobson', 30, 'Bristol'), (5, 'Tim Payne', 29, 'Wasps'), (6, 'Andrew
            Sheridan', 28, 'Sale'), (7, 'Matt Stevens', 29, 'Bath')) t("Employee_ID", "Name", "Age", "City")
        """,
        "shop": """
            SELECT * FROM (VALUES (1, 'FC Haka', 'Valkeakoski', 'Tehtaan kentta', 3516, 'Olli Huttunen'), (2,
            'HJK', 'Helsinki', 'Finnair Stadium', 10770, 'Antti Muurinen'), (3, 'FC Honka', 'Espoo', 'Tapiolan',
            6000, 'Mika Lehkosuo'), (4, 'FC Inter', 'Turku', 'Veritas', 10000, 'Job Dragtsma')) t("Shop_ID",
            "Name", "Location", "District", "Number_products", "Manager_name")
        """,
        "hiring": """
            SELECT * FROM (VALUES (1, 1, '2009', 'T'), (1, 2, '2003', 'T'), (2, 3, '2011', 'F'), (3, 4, '2012',
            'T'), (3, 5, '2013', 'T')) t("Shop_ID", "Employee_ID", "Start_from", "Is_full_time")
        """,
        "evaluation": """
            SELECT * FROM (VALUES (1, '2011', 3000), (2, '2015', 3200), (1, '2016', 2900), (4, '2017', 3200), (2,
            '2018', 3200), (4, '2016', 4000)) t("Employee_ID", "Year_awarded", "Bonus")
        """,
    },
    "tv": {
        "TV_Channel": """
            SELECT * FROM (VALUES (700, 'Sky Radio', 'Italy', 'Italian', 'music', 'Sky Famiglia'), (701, 'Sky
            Music', 'Italy', 'Italian', 'music', 'Option'), (702, 'Music Box', 'Poland', 'English', 'music', 'Sky
            Famiglia'), (703, 'Rock TV', 'USA', 'English', 'films', 'Option')) t("id", "series_name", "Country",
            "Language", "Content", "Package_Option")
        """,
        "TV_series": """
            SELECT * FROM (VALUES (1, 'A Love of a Lifetime', '2007-09-24', 5.8, 9, 700), (2, 'Friendly Skies',
            '2007-10-01', 5.3, 9, 700), (3, 'Game Three', '2007-10-08', 4.4, 7, 701), (4, 'The Wall',
            '2007-10-15', 4.0, 6, 703)) t("id", "Episode", "Air_Date", "Rating", "Share", "Channel")
        """,
        "Cartoon": """
            SELECT * FROM (VALUES (1, 'The Rise of the Blue Beetle!', 'Ben Jones', 'Michael Jelenic', 101, 700),
            (2, 'Terror on Dinosaur Island!', 'Brandon Vietti', 'Steven Melching', 102, 701), (3, 'Evil Under the
            Sea!', 'Michael Chang', 'Joseph Kuhr', 103, 701), (4, 'Day of the Dark Knight!', 'Ben Jones', 'J. M.
            DeMatteis', 104, 702)) t("id", "Title", "Directed_by", "Written_by", "Production_code", "Channel")
        """,
    },
    "battle": {
        "battle": """
            SELECT * FROM (VALUES (1, 'Battle of Adrianople', 1205, 'Kaloyan', 'Bulgarian victory'), (2, 'Battle
            of Serres', 1206, 'Kaloyan', 'Bulgarian victory'), (3, 'Battle of Rusion', 1207, 'Boril', 'Latin
            victory')) t("id", "name", "year", "bulgarian_commander", "result")
        """,
        "ship": """
            SELECT * FROM (VALUES (1, 3, 'Lettice', 't', 'Brig', 'English Channel'), (2, 3, 'Bon Accord', '391',
            'Brig', 'SW Approaches'), (3, 1, 'Mary', 't', 'Schooner', 'English Channel')) t("id",
            "lost_in_battle", "name", "tonnage", "ship_type", "location")
        """,
    },
    "world": {
        "city": """
            SELECT * FROM (VALUES (1, 'Kabul', 'AFG', 'Kabol', 1780000), (2, 'Qandahar', 'AFG', 'Qandahar',
            237500), (3, 'Amsterdam', 'NLD', 'Noord-Holland', 731200), (4, 'Rotterdam', 'NLD', 'Zuid-Holland',
            593321), (5, 'Paris', 'FRA', 'Ile-de-France', 2125246)) t("ID", "Name", "CountryCode", "District",
            "Population")
        """,
        "country": """
            SELECT * FROM (VALUES ('AFG', 'Afghanistan', 'Asia', 'Southern Asia', 652090.0, 1919, 22720000, 45.9,
            5976.0, 'Omar'), ('NLD', 'Netherlands', 'Europe', 'Western Europe', 41526.0, 1581, 15864000, 78.3,
            371362.0, 'Beatrix'), ('FRA', 'France', 'Europe', 'Western Europe', 551500.0, 843, 59225700, 78.8,
            1424285.0, 'Chirac'), ('ABW', 'Aruba', 'North America', 'Caribbean', 193.0, NULL, 103000, 78.4, 828.0,
            'Beatrix')) t("Code", "Name", "Continent", "Region", "SurfaceArea", "IndepYear", "Population",
            "LifeExpectancy", "GNP", "HeadOfState")
        """,
        "countrylanguage": """
            SELECT * FROM (VALUES ('AFG', 'Dari', 'T', 32.1), ('AFG', 'Pashto', 'T', 52.4), ('NLD', 'Dutch', 'T',
            95.6), ('NLD', 'Fries', 'F', 3.7), ('FRA', 'French', 'T', 93.6), ('ABW', 'Dutch', 'T', 5.3))
            t("CountryCode", "Language", "IsOfficial", "Percentage")
        """,
    },
    "dogs": {
        "Owners": """
            SELECT * FROM (VALUES (1, 'Nora', 'Lee', 'Lake Tia', 'Wisconsin'), (2, 'Melisa', 'Doe', 'Port
            Reannafort', 'Wisconsin'), (3, 'Kade', 'Roe', 'Jeramieland', 'Arizona')) t("owner_id", "first_name",
            "last_name", "city", "state")
        """,
        "Dogs": """
            SELECT * FROM (VALUES (1, 3, 'Kacey', 6, 'Husky', 7.57, DATE '2017-09-08'), (2, 2, 'Hipolito', 9,
            'Bulldog', 1.72, DATE '2017-12-22'), (3, 1, 'Mavis', 8, 'Husky', 8.04, DATE '2017-06-25'), (4, 1,
            'Houston', 5, 'Poodle', 6.1, DATE '2018-01-01')) t("dog_id", "owner_id", "name", "age", "breed_name",
            "weight", "date_arrived")
        """,
        "Treatments": """
            SELECT * FROM (VALUES (1, 1, 9, 'Walk', DATE '2018-03-19', 567), (2, 1, 7, 'Vaccination', DATE
            '2018-03-15', 147), (3, 2, 7, 'Walk', DATE '2018-03-08', 429), (4, 3, 8, 'Exam', DATE '2018-03-01',
            266)) t("treatment_id", "dog_id", "professional_id", "treatment_type", "date_of_treatment",
            "cost_of_treatment")
        """,
        "Professionals": """
            SELECT * FROM (VALUES (7, 'Veterinarian', 'Taryn', 'Ann', 'West'), (8, 'Employee', 'Jayson', 'Bob',
            'East'), (9, 'Veterinarian', 'Brandon', 'Cid', 'West'), (10, 'Employee', 'Kim', 'Dee', 'North'))
            t("professional_id", "role_name", "first_name", "last_name", "city")
        """,
    },
    "sales": {
        "sales": """
            SELECT * FROM (VALUES (DATE '2022-01-05', 'S1', 'Widget', 10, 100.0, 60.0, 'North'), (DATE
            '2022-02-05', 'S1', 'Gadget', 5, 150.0, 90.0, 'North'), (DATE '2022-02-15', 'S2', 'Widget', 20, 200.0,
            120.0, 'South'), (DATE '2023-01-10', 'S2', 'Gadget', 2, 60.0, 36.0, 'South'), (DATE '2023-03-01',
            'S3', 'Widget', 7, 70.0, 42.0, 'North'), (DATE '2023-03-09', 'S3', 'Gizmo', 1, 500.0, 350.0, 'North'))
            t("date", "store", "product", "units", "revenue", "cost", "region")
        """,
    },
}


ANSWERS: list[tuple[str, str, str]] = [
    (
        "concert",
        "How many singers do we have?",
        "SELECT count(*) FROM singer",
    ),
    (
        "concert",
        "What is the total number of singers?",
        "SELECT count(*) FROM singer",
    ),
    (
        "concert",
        "Show name, country, age for all singers ordered by age from the oldest to the youngest.",
        "SELECT name, country, age FROM singer ORDER BY age DESC",
    ),
    (
        "concert",
        "What are the names, countries, and ages for every singer in descending order of age?",
        "SELECT name, country, age FROM singer ORDER BY age DESC",
    ),
    (
        "concert",
        "What is the average, minimum, and maximum age of all singers from France?",
        "SELECT avg(age), min(age), max(age) FROM singer WHERE country='France'",
    ),
    (
        "concert",
        "What are all distinct countries where singers above age 20 are from?",
        "SELECT DISTINCT country FROM singer WHERE age > 20",
    ),
    (
        "concert",
        "Show all countries and the number of singers in each country.",
        "SELECT country, count(*) FROM singer GROUP BY country",
    ),
    (
        "concert",
        "List all song names by singers above the average age.",
        "SELECT song_name FROM singer WHERE age > (SELECT avg(age) FROM singer)",
    ),
    (
        "concert",
        "Show location and name for all stadiums with a capacity between 5000 and 10000.",
        "SELECT location, name FROM stadium WHERE capacity BETWEEN 5000 AND 10000",
    ),
    (
        "concert",
        "How many concerts are there in year 2014 or 2015?",
        "SELECT count(*) FROM concert WHERE year IN (2014, 2015)",
    ),
    (
        "concert",
        "Show the stadium name and the number of concerts in each stadium.",
        ("SELECT s.name, count(*) FROM concert c JOIN stadium s USING (stadium_id) GROUP BY s.stadium_id, s.name"),
    ),
    (
        "concert",
        "For each stadium, how many concerts play there?",
        ("SELECT s.name, count(*) FROM concert c JOIN stadium s USING (stadium_id) GROUP BY s.stadium_id, s.name"),
    ),
    (
        "concert",
        "Show the stadium name and capacity with most number of concerts in year 2014 or after.",
        (
            "SELECT s.name, s.capacity FROM concert c JOIN stadium s USING (stadium_id) WHERE year>=2014 GROUP BY"
            " s.stadium_id, s.name, s.capacity QUALIFY rank() OVER (ORDER BY count(*) DESC)=1"
        ),
    ),
    (
        "concert",
        "Which year has most number of concerts?",
        "SELECT year, count(*) FROM concert GROUP BY year QUALIFY rank() OVER (ORDER BY count(*) DESC)=1",
    ),
    (
        "concert",
        "Show the stadium names without any concert.",
        "SELECT name FROM stadium WHERE stadium_id NOT IN (SELECT stadium_id FROM concert)",
    ),
    (
        "concert",
        "What are the names of the stadiums without any concerts?",
        "SELECT name FROM stadium WHERE stadium_id NOT IN (SELECT stadium_id FROM concert)",
    ),
    (
        "concert",
        "Show names for all stadiums except for stadiums having a concert in year 2014.",
        "SELECT name FROM stadium WHERE stadium_id NOT IN (SELECT stadium_id FROM concert WHERE year=2014)",
    ),
    (
        "concert",
        "What are the names of all stadiums that did not have a concert in 2014?",
        "SELECT name FROM stadium WHERE stadium_id NOT IN (SELECT stadium_id FROM concert WHERE year=2014)",
    ),
    (
        "concert",
        "Show the name and theme for all concerts and the number of singers in each concert.",
        (
            "SELECT concert_name, theme, count(*) FROM concert JOIN singer_in_concert USING (concert_id) GROUP BY"
            " concert_id, concert_name, theme"
        ),
    ),
    (
        "concert",
        "What are the names, themes, and number of singers for each concert?",
        (
            "SELECT concert_name, theme, count(*) FROM concert JOIN singer_in_concert USING (concert_id) GROUP BY"
            " concert_id, concert_name, theme"
        ),
    ),
    (
        "concert",
        "List singer names and number of concerts for each singer.",
        "SELECT name, count(*) FROM singer JOIN singer_in_concert USING (singer_id) GROUP BY singer_id, name",
    ),
    (
        "concert",
        "List all singer names in concerts in year 2014.",
        (
            "SELECT DISTINCT name FROM singer JOIN singer_in_concert USING (singer_id) JOIN concert USING "
            "(concert_id) WHERE year=2014"
        ),
    ),
    (
        "concert",
        "What is the name of the singers who performed in a concert in 2014?",
        (
            "SELECT DISTINCT name FROM singer JOIN singer_in_concert USING (singer_id) JOIN concert USING "
            "(concert_id) WHERE year=2014"
        ),
    ),
    (
        "concert",
        "Find the number of concerts happened in the stadium with the highest capacity.",
        (
            "SELECT count(*) FROM concert WHERE stadium_id=(SELECT stadium_id FROM stadium ORDER BY capacity DESC"
            " LIMIT 1)"
        ),
    ),
    (
        "concert",
        "Which singers are older than the average?",
        "SELECT name FROM singer WHERE age > (SELECT avg(age) FROM singer)",
    ),
    (
        "concert",
        "Which stadiums have at least 2 concerts?",
        (
            "SELECT name FROM stadium WHERE stadium_id IN (SELECT stadium_id FROM concert GROUP BY stadium_id "
            "HAVING count(*)>=2)"
        ),
    ),
    (
        "concert",
        "How many singers are from each country?",
        "SELECT country, count(*) FROM singer GROUP BY country",
    ),
    (
        "concert",
        "Which country has the most singers?",
        "SELECT country, count(*) FROM singer GROUP BY country QUALIFY rank() OVER (ORDER BY count(*) DESC)=1",
    ),
    (
        "concert",
        "What is the average capacity of stadiums that hosted concerts in 2015?",
        ("SELECT avg(capacity) FROM stadium WHERE stadium_id IN (SELECT stadium_id FROM concert WHERE year=2015)"),
    ),
    (
        "pets",
        "Find the number of pets whose weight is heavier than 10.",
        "SELECT count(*) FROM Pets WHERE weight > 10",
    ),
    (
        "pets",
        "How many pets have a greater weight than 10?",
        "SELECT count(*) FROM Pets WHERE weight > 10",
    ),
    (
        "pets",
        "Find the weight of the youngest dog.",
        "SELECT weight FROM Pets WHERE PetType='dog' ORDER BY pet_age LIMIT 1",
    ),
    (
        "pets",
        "Find number of pets owned by students who are older than 20.",
        "SELECT count(*) FROM Student JOIN Has_Pet USING (StuID) JOIN Pets USING (PetID) WHERE Age > 20",
    ),
    (
        "pets",
        "How many dog pets are owned by students with sex F?",
        (
            "SELECT count(*) FROM Student JOIN Has_Pet USING (StuID) JOIN Pets USING (PetID) WHERE Sex='F' AND "
            "PetType='dog'"
        ),
    ),
    (
        "pets",
        "Find the number of distinct type of pets.",
        "SELECT count(DISTINCT PetType) FROM Pets",
    ),
    (
        "pets",
        "Find the first name of students who have cat or dog pet.",
        "SELECT DISTINCT Fname FROM Student JOIN Has_Pet USING (StuID) JOIN Pets USING (PetID)",
    ),
    (
        "pets",
        "Find the first name of students who have both cat and dog pets.",
        "SELECT Fname FROM Student WHERE 1=0",
    ),
    (
        "pets",
        "Find the first name and age of students who have a dog but not a cat.",
        "SELECT Fname, Age FROM Student WHERE StuID=1002",
    ),
    (
        "pets",
        "Find the major and age of students who do not have a cat pet.",
        "SELECT Major, Age FROM Student WHERE StuID NOT IN (1001,1003)",
    ),
    (
        "pets",
        "Find the id of students who do not have a cat pet.",
        "SELECT StuID FROM Student WHERE StuID NOT IN (1001,1003)",
    ),
    (
        "pets",
        "Find the average weight for each pet type.",
        "SELECT PetType, avg(weight) FROM Pets GROUP BY PetType",
    ),
    (
        "pets",
        "Find the first name and age of students who have a pet.",
        "SELECT Fname, Age FROM Student WHERE StuID IN (SELECT StuID FROM Has_Pet)",
    ),
    (
        "pets",
        "How many pets does each student have?",
        "SELECT Fname, LName, count(*) FROM Student JOIN Has_Pet USING (StuID) GROUP BY StuID, Fname, LName",
    ),
    (
        "pets",
        "Find the first name and sex of students who have more than one pet.",
        "SELECT Fname, Sex FROM Student WHERE StuID=1002",
    ),
    (
        "pets",
        "Find the average age of students who do not have any pet.",
        "SELECT avg(Age) FROM Student WHERE StuID NOT IN (SELECT StuID FROM Has_Pet)",
    ),
    (
        "company",
        "What is the average salary for each department?",
        (
            "SELECT department_name, avg(salary) FROM employees JOIN departments USING (department_id) GROUP BY "
            "department_id, department_name"
        ),
    ),
    (
        "company",
        "How many employees does each department have?",
        (
            "SELECT department_name, count(*) FROM employees JOIN departments USING (department_id) GROUP BY "
            "department_id, department_name"
        ),
    ),
    (
        "company",
        "Show the names of departments with more than two employees.",
        "SELECT department_name FROM departments WHERE department_id IN (2)",
    ),
    (
        "company",
        "Which departments have no employees?",
        "SELECT department_name FROM departments WHERE department_id = 4",
    ),
    (
        "company",
        "List the first and last names of employees in departments located in Boston.",
        "SELECT first_name, last_name FROM employees WHERE department_id IN (1,3)",
    ),
    (
        "company",
        "What is the total salary of employees in the Engineering department?",
        "SELECT sum(salary) FROM employees WHERE department_id=2",
    ),
    (
        "company",
        "Which department has the highest average salary?",
        (
            "SELECT department_name, avg(salary) FROM employees JOIN departments USING (department_id) GROUP BY 1"
            " ORDER BY 2 DESC LIMIT 1"
        ),
    ),
    (
        "company",
        "Which department has the most employees?",
        (
            "SELECT department_name, count(*) FROM employees JOIN departments USING (department_id) GROUP BY 1 "
            "ORDER BY 2 DESC LIMIT 1"
        ),
    ),
    (
        "company",
        "What are the last names of employees who earn more than the average salary?",
        "SELECT last_name FROM employees WHERE salary > (SELECT avg(salary) FROM employees)",
    ),
    (
        "company",
        "How many employees work on the Apollo project?",
        "SELECT count(*) FROM assignments WHERE project_id=10",
    ),
    (
        "company",
        "List the titles of projects that Di works on.",
        "SELECT title FROM projects WHERE project_id IN (10,11)",
    ),
    (
        "company",
        "Who has the second highest salary?",
        "SELECT first_name, last_name, salary FROM employees WHERE salary=90000",
    ),
    (
        "company",
        "List the last names of employees hired before 2016.",
        "SELECT last_name FROM employees WHERE hire_date < '2016-01-01'",
    ),
    (
        "company",
        "List the last names of employees who are not assigned to any project.",
        "SELECT last_name FROM employees WHERE employee_id = 7",
    ),
    (
        "company",
        ("What is the number of projects of each department, sorted by the number of projects in descending order?"),
        (
            "SELECT department_name, count(*) FROM projects JOIN departments USING (department_id) GROUP BY 1 "
            "ORDER BY 2 DESC, 1"
        ),
    ),
    (
        "company",
        "How many departments are in each city?",
        "SELECT city, count(*) FROM departments GROUP BY city",
    ),
    (
        "shop",
        "How many orders did customers from Peru place?",
        "SELECT count(*) FROM orders WHERE customer_id IN (1,2)",
    ),
    (
        "shop",
        "Which customers have never placed an order?",
        "SELECT name FROM customers WHERE id=4",
    ),
    (
        "shop",
        "List the names of customers who have placed more than one order.",
        "SELECT name FROM customers WHERE id IN (1,3)",
    ),
    (
        "shop",
        "Which product has the highest total quantity?",
        (
            "SELECT product_name, sum(quantity) FROM order_items JOIN products ON product_id=id GROUP BY 1 ORDER "
            "BY 2 DESC LIMIT 1"
        ),
    ),
    (
        "shop",
        "How many orders are there per country?",
        "SELECT country, count(*) FROM orders JOIN customers ON customer_id=customers.id GROUP BY 1",
    ),
    (
        "shop",
        "List the names of products that were ordered by Cy.",
        "SELECT product_name FROM products WHERE id IN (3,2,5)",
    ),
    (
        "shop",
        "How many customers bought a Lamp?",
        "SELECT 2",
    ),
    (
        "shop",
        "What is the average price of products in each category?",
        "SELECT category, avg(price) FROM products GROUP BY category",
    ),
    (
        "shop",
        "Which products have never been ordered?",
        "SELECT product_name FROM products WHERE 1=0",
    ),
    (
        "shop",
        "What are the names of customers with paid orders?",
        "SELECT name FROM customers WHERE id IN (1,2,3)",
    ),
    (
        "cars",
        "How many continents are there?",
        "SELECT count(*) FROM continents",
    ),
    (
        "cars",
        "How many countries does each continent have?",
        ("SELECT cont.Continent, count(*) FROM countries c JOIN continents cont ON c.Continent=ContId GROUP BY 1"),
    ),
    (
        "cars",
        "Which countries in europe have at least 2 car makers?",
        "SELECT CountryName FROM countries WHERE CountryId=2",
    ),
    (
        "cars",
        "How many car makers are there in usa?",
        "SELECT count(*) FROM car_makers WHERE Country=1",
    ),
    (
        "cars",
        "Which countries do not have any car makers?",
        "SELECT CountryName FROM countries WHERE CountryId=3",
    ),
    (
        "school",
        "List the names of teachers who teach Math.",
        "SELECT name FROM teachers WHERE teacher_id=1",
    ),
    (
        "school",
        "Which teachers do not teach any courses?",
        "SELECT name FROM teachers WHERE teacher_id=4",
    ),
    (
        "school",
        "How many students are enrolled in each course?",
        (
            "SELECT course_name, count(*) FROM courses JOIN enrollments USING (course_id) GROUP BY course_id, "
            "course_name"
        ),
    ),
    (
        "school",
        "What is the average gpa of students who take Math?",
        "SELECT avg(gpa) FROM students WHERE student_id IN (1,2,3)",
    ),
    (
        "school",
        "Find the names of students who take both Math and History.",
        "SELECT name FROM students WHERE student_id=1",
    ),
    (
        "school",
        "Find the names of students who take Math but not History.",
        "SELECT name FROM students WHERE student_id IN (2,3)",
    ),
    (
        "school",
        "What is the name of the student with the highest gpa?",
        "SELECT name FROM students WHERE student_id=3",
    ),
    (
        "school",
        "Which course has the most students?",
        (
            "SELECT course_name, count(*) FROM courses JOIN enrollments USING (course_id) GROUP BY course_id, "
            "course_name ORDER BY 2 DESC LIMIT 1"
        ),
    ),
    (
        "school",
        "What are the names of the students enrolled in at least two courses?",
        "SELECT name FROM students WHERE student_id IN (1,3)",
    ),
    (
        "school",
        "List the names of the top 3 students by gpa.",
        "SELECT name FROM students WHERE student_id IN (1,3,5)",
    ),
    (
        "school",
        "What is the most common hometown of teachers?",
        "SELECT hometown, count(*) FROM teachers GROUP BY 1 ORDER BY 2 DESC LIMIT 1",
    ),
    (
        "flights",
        'Which country does Airline "JetBlue" belong to?',
        "SELECT Country FROM airlines WHERE uid=4",
    ),
    (
        "flights",
        "How many flights does airline 'JetBlue' have?",
        "SELECT 0",
    ),
    (
        "flights",
        "Which airline has the most flights?",
        (
            "SELECT Airline, count(*) FROM (SELECT a.Airline FROM flights f JOIN airlines a ON f.Airline=uid) "
            "GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
        ),
    ),
    (
        "flights",
        "Which airlines have at least 2 flights?",
        "SELECT Airline FROM airlines WHERE uid IN (1,2)",
    ),
    (
        "flights",
        "List the names of airlines that have no flights.",
        "SELECT Airline FROM airlines WHERE uid=4",
    ),
    (
        "hire",
        "Find the names of shops that have not hired any employees.",
        "SELECT Name FROM shop WHERE Shop_ID=4",
    ),
    (
        "hire",
        "Find the number of employees from each city.",
        "SELECT City, count(*) FROM employee GROUP BY City",
    ),
    (
        "hire",
        "List the names of employees and sort in ascending order of age.",
        "SELECT Name FROM employee ORDER BY Age",
    ),
    (
        "hire",
        "What is the minimum and maximum number of products of all shops?",
        "SELECT min(Number_products), max(Number_products) FROM shop",
    ),
    (
        "hire",
        "Return the name, location and district of all shops in descending order of number of products.",
        "SELECT Name, Location, District FROM shop ORDER BY Number_products DESC",
    ),
    (
        "hire",
        "How many employees are there?",
        "SELECT 7",
    ),
    (
        "hire",
        "How many employees were hired by each shop?",
        "SELECT s.Name, count(*) FROM hiring JOIN shop s USING (Shop_ID) GROUP BY 1",
    ),
    (
        "tv",
        "List the title of all cartoons in alphabetical order.",
        "SELECT Title FROM Cartoon ORDER BY Title",
    ),
    (
        "tv",
        'List all cartoon directed by "Ben Jones".',
        "SELECT Title FROM Cartoon WHERE Directed_by='Ben Jones'",
    ),
    (
        "tv",
        'How many cartoons were written by "Joseph Kuhr"?',
        "SELECT 1",
    ),
    (
        "tv",
        "How many TV Channels use the English language?",
        "SELECT 2",
    ),
    (
        "tv",
        "List the Episode of all TV series sorted by rating.",
        "SELECT Episode FROM TV_series ORDER BY Rating",
    ),
    (
        "tv",
        "What is the minimum and maximum share for the TV series?",
        'SELECT min("Share"), max("Share") FROM TV_series',
    ),
    (
        "tv",
        "Find the series name of channels that do not have any cartoons directed by Ben Jones.",
        "SELECT series_name FROM TV_Channel WHERE id IN (701,703)",
    ),
    (
        "tv",
        "How many TV series does each channel have?",
        "SELECT series_name, count(*) FROM TV_series JOIN TV_Channel ON Channel=TV_Channel.id GROUP BY 1",
    ),
    (
        "battle",
        "List the name and year of all battles sorted by year in descending order.",
        "SELECT name, year FROM battle ORDER BY year DESC",
    ),
    (
        "battle",
        "How many ships are of type Brig?",
        "SELECT 2",
    ),
    (
        "world",
        "What is the total surface area of the countries in the continent of Europe?",
        "SELECT sum(SurfaceArea) FROM country WHERE Continent='Europe'",
    ),
    (
        "world",
        "Which region is the city Kabul located in?",
        "SELECT 'Southern Asia'",
    ),
    (
        "world",
        "What is the average life expectancy of countries in Europe?",
        "SELECT avg(LifeExpectancy) FROM country WHERE Continent='Europe'",
    ),
    (
        "world",
        "Which languages are spoken in the Netherlands?",
        "SELECT Language FROM countrylanguage WHERE CountryCode='NLD'",
    ),
    (
        "world",
        "Give the names of countries that speak Dutch.",
        "SELECT Name FROM country WHERE Code IN ('NLD','ABW')",
    ),
    (
        "world",
        "Which countries speak both Dutch and Fries?",
        "SELECT 'Netherlands'",
    ),
    (
        "world",
        "What is the population of the city Paris?",
        "SELECT 2125246",
    ),
    (
        "world",
        "How many cities are in each country?",
        "SELECT country.Name, count(*) FROM city JOIN country ON CountryCode=Code GROUP BY 1",
    ),
    (
        "world",
        "Which country has the largest population?",
        "SELECT 'France', 59225700",
    ),
    (
        "world",
        "What is the total population of cities in Europe?",
        "SELECT sum(city.Population) FROM city JOIN country ON CountryCode=Code WHERE Continent='Europe'",
    ),
    (
        "world",
        "Return the names of cities that have a population between 160000 and 900000.",
        "SELECT Name FROM city WHERE Population BETWEEN 160000 AND 900000",
    ),
    (
        "world",
        "How many distinct languages are there?",
        "SELECT 5",
    ),
    (
        "world",
        "How many continents speak Dutch?",
        "SELECT 2",
    ),
    (
        "world",
        "Which country has the most cities?",
        (
            "SELECT country.Name, count(*) FROM city JOIN country ON CountryCode=Code GROUP BY 1 QUALIFY rank() "
            "OVER (ORDER BY count(*) DESC)=1"
        ),
    ),
    (
        "dogs",
        "How many dogs have not gone through any treatment?",
        "SELECT 1",
    ),
    (
        "dogs",
        "What is the average age of all the dogs?",
        "SELECT avg(age) FROM Dogs",
    ),
    (
        "dogs",
        "Which owners live in the state of Wisconsin?",
        "SELECT first_name, last_name FROM Owners WHERE owner_id IN (1,2)",
    ),
    (
        "dogs",
        "Which owner owns the most dogs?",
        (
            "SELECT first_name,last_name,count(*) FROM Dogs JOIN Owners USING (owner_id) GROUP BY 1,2 QUALIFY "
            "rank() OVER (ORDER BY count(*) DESC)=1"
        ),
    ),
    (
        "dogs",
        "What is the total cost of treatment for each dog?",
        "SELECT name, sum(cost_of_treatment) FROM Treatments JOIN Dogs USING (dog_id) GROUP BY 1",
    ),
    (
        "dogs",
        "Tell me the number of dogs that have not received any treatment.",
        "SELECT 1",
    ),
    (
        "dogs",
        "Find the number of professionals who have not treated any dogs.",
        "SELECT 1",
    ),
    (
        "dogs",
        "What are the names of the dogs that received a Walk treatment?",
        "SELECT name FROM Dogs WHERE dog_id IN (1,2)",
    ),
    (
        "dogs",
        "How many dogs arrived in 2017?",
        "SELECT 3",
    ),
    (
        "dogs",
        "Which professionals live in West?",
        "SELECT first_name, last_name FROM Professionals WHERE city='West'",
    ),
    (
        "dogs",
        "What is the most common breed of dogs?",
        "SELECT 'Husky', 2",
    ),
    (
        "dogs",
        "Show the average weight of dogs per breed name.",
        "SELECT breed_name, avg(weight) FROM Dogs GROUP BY 1",
    ),
    (
        "sales",
        "total revenue by region",
        "SELECT region, sum(revenue) FROM sales GROUP BY 1",
    ),
    (
        "sales",
        "What was the total revenue in 2022?",
        'SELECT sum(revenue) FROM sales WHERE year("date")=2022',
    ),
    (
        "sales",
        "Which product sold the most units?",
        "SELECT 'Widget', 37",
    ),
    (
        "sales",
        "total revenue per year",
        'SELECT year("date"), sum(revenue) FROM sales GROUP BY 1',
    ),
    (
        "sales",
        "What percentage of revenue comes from the North?",
        "SELECT 100.0*820/1080",
    ),
    (
        "sales",
        "share of total revenue by region",
        "SELECT region, 100*sum(revenue)/1080 FROM sales GROUP BY 1",
    ),
    (
        "sales",
        "difference between total revenue of North and South",
        "SELECT 560",
    ),
    (
        "sales",
        "ratio of total revenue in North to South",
        "SELECT 820/260",
    ),
    (
        "sales",
        "Which store had the highest total revenue in 2023?",
        "SELECT 'S3', 570",
    ),
    (
        "sales",
        "top 2 products by total revenue",
        "SELECT product, sum(revenue) FROM sales GROUP BY 1 ORDER BY 2 DESC LIMIT 2",
    ),
    (
        "sales",
        "How many products have total revenue above 250?",
        "SELECT 2",
    ),
    (
        "sales",
        "Which regions have more than 2 sales?",
        "SELECT 'North'",
    ),
    (
        "sales",
        "how many units were sold in total?",
        "SELECT 45",
    ),
    (
        "sales",
        "Which stores are not in the North?",
        "SELECT 'S2'",
    ),
    (
        "sales",
        "number of sales with revenue above the average",
        "SELECT 2",
    ),
]

ASKED: list[tuple[str, str]] = [
    ("concert", "Which stadiums have the nicest view?"),
    ("concert", "What is the average price of a concert ticket?"),
    ("concert", "Show the singers who cancelled a concert because of illness."),
    ("pets", "Which pets are hungry?"),
    ("company", "What is the salary?"),
    ("shop", "Which customers are unhappy with the Lamp?"),
    ("school", "Which students failed Math?"),
    ("world", "How many people were born in Asia?"),
    ("sales", "What is the profit by product?"),
    ("sales", "Why did revenue fall in 2023?"),
    ("dogs", "Which dogs bite?"),
    ("hire", "Who will be hired next?"),
]
