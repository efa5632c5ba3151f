//! Release note, keys, quorum policy and the signed container around an image.
