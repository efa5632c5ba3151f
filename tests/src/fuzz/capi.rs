//! The functions for C.

use crate::forge::Forger;
use crate::generate::Draw;

/// Calls the functions for C as the bytes say, in any order that the header allows, with a valid image and with one that
/// has the changes that they choose.
///
/// # Panics
/// The library broke a promise of its header.
pub fn capi(data: &[u8]) {
    let draw = &mut Draw::new(data);
    let forger = Forger::new(draw);
    let images = [forger.sample().image.clone(), forger.bytes().to_vec()];
    hallmark::driver::drive(&images, draw.rest());
}
