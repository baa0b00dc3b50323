"""基础设施体系: sensing, network, cloud ledgers."""
