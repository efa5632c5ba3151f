//! What rules know about files: pe, hash, math, string, time and console.
