"""Other networks as teachers and as peers: their files, brought by the user, behind one interface."""
