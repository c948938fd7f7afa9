"""The synthetic tool `health` (DADL 0.2, health): `check` asks the API, `troubles` names what kept it from answering."""
