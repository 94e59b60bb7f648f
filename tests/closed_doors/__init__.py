"""For each role and each foreign object: closed. ``foreign`` makes the objects, ``allowed`` names the exceptions."""
