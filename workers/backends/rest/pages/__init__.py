"""Lists, page by page (DADL 0.2, pagination): `reading` asks for as many as are wanted."""
