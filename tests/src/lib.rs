//! Suites, oracles and fault injection over the whole system.
