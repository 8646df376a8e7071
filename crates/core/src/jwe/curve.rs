//! Whether two coordinates are a point of P-256 (FIPS 186-4, D.1.2.3), in a few lines instead of a library of curves.
//!
//! Points are public, so the time that this takes may depend on them. Not here: agreement, which needs care about time.

use super::hazmat::KEY_BYTES;

/// A number below 2^256 by its limbs, the least first.
type Number = [u64; 4];

const PRIME: Number = [u64::MAX, 0xffff_ffff, 0, 0xffff_ffff_0000_0001];
/// The constant term of the curve's equation.
const TERM: Number = [0x3bce_3c3e_27d2_604b, 0x651d_06b0_cc53_b0f6, 0xb3eb_bd55_7698_86bc, 0x5ac6_35d8_aa3a_93e7];

/// Whether x and y, big-endian, are a point of P-256: y² = x³ - 3x + b modulo the prime.
pub(super) fn is_on_p256(x: &[u8; KEY_BYTES], y: &[u8; KEY_BYTES]) -> bool {
    let (x, y) = (read(x), read(y));
    let is_reduced = |number| subtract_prime(number).1;
    let cube = || multiply(multiply(x, x), x);
    is_reduced(x) && is_reduced(y) && add(multiply(y, y), add(x, add(x, x))) == add(cube(), TERM)
}

fn read(bytes: &[u8; KEY_BYTES]) -> Number {
    let mut number = Number::default();
    for (limb, bytes) in number.iter_mut().rev().zip(bytes.as_chunks().0) {
        *limb = u64::from_be_bytes(*bytes);
    }
    number
}

/// The number minus the prime, modulo 2^256, and whether the number is below the prime.
fn subtract_prime(mut number: Number) -> (Number, bool) {
    let mut borrow = false;
    for (limb, prime) in number.iter_mut().zip(PRIME) {
        (*limb, borrow) = limb.borrowing_sub(prime, borrow);
    }
    (number, borrow)
}

/// The sum modulo the prime of two numbers below it.
fn add(mut sum: Number, other: Number) -> Number {
    let mut carry = false;
    for (limb, other) in sum.iter_mut().zip(other) {
        (*limb, carry) = limb.carrying_add(other, carry);
    }
    let (reduced, is_below) = subtract_prime(sum);
    if is_below && !carry { sum } else { reduced }
}

/// The product modulo the prime of two numbers below it: doubled and added, bit by bit.
fn multiply(factor: Number, other: Number) -> Number {
    let mut product = Number::default();
    for mut limb in other.into_iter().rev() {
        for _ in 0..u64::BITS {
            limb = limb.rotate_left(1);
            product = add(product, product);
            if limb & 1 == 1 {
                product = add(product, factor);
            }
        }
    }
    product
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
        let prime = PRIME.into_iter().rev().flat_map(u64::to_be_bytes).collect::<std::vec::Vec<_>>();
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
            assert_eq!(is_on_p256(&x, &y), hazmat::p256_point(&(x, y)).is_some(), "{x:?} {y:?}");
        }
        // What is the same modulo the prime is another text, and refused.
        assert!(!is_on_p256(&prime, &root));
    }
}
