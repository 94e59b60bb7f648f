"""HTTP of parallel import."""

from marketplace.parallel_import.router import cars, inbound, pilots

ROUTERS = [cars.router, pilots.router, inbound.router]
