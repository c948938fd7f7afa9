"""`toolmesh dadl`: what an author or an operator does with DADL files."""
