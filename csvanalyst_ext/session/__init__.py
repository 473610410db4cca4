"""One analyst session: data sets, conversation, sandbox and capsules.  Runs on the host."""
