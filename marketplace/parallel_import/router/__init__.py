"""HTTP of parallel import."""

from marketplace.parallel_import.router import cars, pilots

ROUTERS = [cars.router, pilots.router]
