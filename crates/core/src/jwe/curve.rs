//! Whether two coordinates are a point of P-256 (FIPS 186-4, D.1.2.3), in a few lines instead of a library of curves.
//!
//! Points are public, so the time that this takes may depend on them. Not here: agreement, which needs care about time.

use super::hazmat::KEY_BYTES;

/// A number below 2^256 by its digits of 32 bits, the least first.
type Number = [u32; 8];

const PRIME: Number = [u32::MAX, u32::MAX, u32::MAX, 0, 0, 0, 1, u32::MAX];
/// The constant term of the curve's equation.
const TERM: Number =
    [0x27d2_604b, 0x3bce_3c3e, 0xcc53_b0f6, 0x651d_06b0, 0x7698_86bc, 0xb3eb_bd55, 0xaa3a_93e7, 0x5ac6_35d8];
/// What 2^256 is modulo the prime, digit by digit: 2^224 - 2^192 - 2^96 + 1.
const FOLDED: [i64; 8] = [1, 0, 0, -1, 0, 0, -1, 1];

/// Whether x and y, big-endian, are a point of P-256: y² = x³ - 3x + b modulo the prime.
pub(super) fn is_on_p256(x: &[u8; KEY_BYTES], y: &[u8; KEY_BYTES]) -> bool {
    let (x, y) = (read(x), read(y));
    let right = || multiply_and_add(&multiply(&multiply(&x, &x), &x), 1, TERM);
    is_below_prime(&x) && is_below_prime(&y) && multiply_and_add(&x, 3, multiply(&y, &y)) == right()
}

fn read(bytes: &[u8; KEY_BYTES]) -> Number {
    let mut number = Number::default();
    for (digit, bytes) in number.iter_mut().rev().zip(bytes.as_chunks().0) {
        *digit = u32::from_be_bytes(*bytes);
    }
    number
}

fn is_below_prime(number: &Number) -> bool {
    number.iter().rev().lt(PRIME.iter().rev())
}

/// Adds `top` times 2^256, folded, and returns what exceeds the digits, in units of 2^256.
fn fold(number: &mut Number, top: i64) -> i64 {
    let mut carry = 0;
    for (digit, factor) in number.iter_mut().zip(FOLDED) {
        let sum = i64::from(*digit).wrapping_add(factor.wrapping_mul(top)).wrapping_add(carry);
        (*digit, carry) = (sum as u32, sum >> 32);
    }
    carry
}

/// The number and `top` times 2^256, modulo the prime.
fn reduce(mut number: Number, mut top: i64) -> Number {
    while top != 0 {
        top = fold(&mut number, top);
    }
    if !is_below_prime(&number) {
        // The prime is 2^256 less what that is folded to.
        fold(&mut number, 1);
    }
    number
}

fn multiply(factor: &Number, other: &Number) -> Number {
    let mut product = Number::default();
    for digit in other.iter().rev() {
        let [.., top] = product;
        product.rotate_right(1);
        let [least, ..] = &mut product;
        *least = 0;
        product = multiply_and_add(factor, *digit, reduce(product, top.into()));
    }
    product
}

/// `factor` times `digit`, plus `number`.
fn multiply_and_add(factor: &Number, digit: u32, mut number: Number) -> Number {
    let mut carry = 0;
    for (place, factor) in number.iter_mut().zip(factor) {
        // Below 2^64, whatever the four are.
        let sum = u64::from(*factor).wrapping_mul(digit.into()).wrapping_add((*place).into()).wrapping_add(carry);
        (*place, carry) = (sum as u32, sum >> 32);
    }
    reduce(number, carry as i64)
}

#[cfg(all(test, feature = "jwe"))]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;
    use crate::jwe::{PrivateKey, hazmat};

    proptest! {
        #[test]
        fn every_public_key_is_a_point_and_none_with_a_changed_bit_is(scalar: [u8; 32], bit in 0_usize..512) {
            let Some(key) = PrivateKey::from_scalar(&scalar) else { return Ok(()) };
            let (x, y) = key.public_key().coordinates();
            assert!(is_on_p256(&x, &y));
            let mut changed = [x, y];
            changed[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
            assert!(!is_on_p256(&changed[0], &changed[1]));
        }

        #[test]
        fn coordinates_of_any_kind_are_judged_as_the_library_of_curves_does(
            x: [u8; 32],
            y: [u8; 32],
            is_high in any::<bool>(),
        ) {
            let x = if is_high { [[0xff; 8].as_slice(), &x[8..]].concat().try_into().unwrap() } else { x };
            assert_eq!(is_on_p256(&x, &y), hazmat::p256_point(&(x, y)).is_some());
        }
    }

    #[test]
    fn coordinates_at_the_ends_of_the_field_are_judged_as_the_library_of_curves_does() {
        let prime = PRIME.into_iter().rev().flat_map(u32::to_be_bytes).collect::<std::vec::Vec<_>>();
        let prime: [u8; 32] = prime.try_into().unwrap();
        let mut below = prime;
        below[31] -= 1;
        // The square root of the constant term: the points with x = 0.
        let root = [
            0x66, 0x48, 0x5c, 0x78, 0x0e, 0x2f, 0x83, 0xd7, 0x24, 0x33, 0xbd, 0x5d, 0x84, 0xa0, 0x6b, 0xb6, 0x54, 0x1c,
            0x2a, 0xf3, 0x1d, 0xae, 0x87, 0x17, 0x28, 0xbf, 0x85, 0x6a, 0x17, 0x4f, 0x93, 0xf4,
        ];
        assert!(is_on_p256(&[0; 32], &root));
        let ends = [[0; 32], [0xff; 32], prime, below, root];
        for (x, y) in ends.iter().flat_map(|x| ends.iter().map(move |y| (*x, *y))) {
            assert_eq!(is_on_p256(&x, &y), hazmat::p256_point(&(x, y)).is_some());
        }
        // What is the same modulo the prime is another text, and refused.
        assert!(!is_on_p256(&prime, &root));
    }
}
