//! The memory-mapped image: what its bytes mean, and the proof that they are well-formed.
