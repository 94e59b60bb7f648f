"""The numeric part of pricing: features, trees, artefact. Floats live here and nowhere else."""
