"""How the model is trained: reading the sets, fitting, measuring, reporting. Nothing here runs in the service."""
