//! When a client certificate ends.
//!
//! Owns the few bytes of X.509 that say so. Verifies nothing: that is the server's to do.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// The version, which old certificates leave out.
const VERSION: u8 = 0xA0;

/// When the first certificate of a PEM text ends; `None` where that cannot be read.
pub(crate) fn ends(pem: &[u8]) -> Option<Timestamp> {
    let certificate = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    not_after(&certificate)
}

fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = part(certificate, SEQUENCE)?;
    let (body, _) = part(certificate, SEQUENCE)?;
    let rest = part(body, VERSION).map_or(body, |(_, rest)| rest);
    let (_serial, rest) = part(rest, INTEGER)?;
    let (_algorithm, rest) = part(rest, SEQUENCE)?;
    let (_issuer, rest) = part(rest, SEQUENCE)?;
    let (validity, _) = part(rest, SEQUENCE)?;
    let (_, _not_before, rest) = any(validity)?;
    let (tag, end, _) = any(rest)?;
    let text = std::str::from_utf8(end).ok()?.strip_suffix('Z')?;
    let text = match tag {
        GENERALIZED_TIME => text.to_owned(),
        // Two digits of a year stand for 1950 to 2049.
        UTC_TIME if text.get(..2)? >= "50" => format!("19{text}"),
        UTC_TIME => format!("20{text}"),
        _ => return None,
    };
    let end = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    end.to_zoned(TimeZone::UTC).ok().map(|end| end.timestamp())
}

/// The content of what begins here, if it is of this kind, and what comes after it.
fn part(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = any(der)?;
    (tag == kind).then_some((content, rest))
}

/// The kind and content of what begins here, and what comes after it.
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let digits = usize::from(first & 0x7F);
        // Four digits of 256 are more than any certificate.
        if digits > 4 {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(digits)?;
        let length = digits.iter().fold(0, |n, d| (n << 8) | usize::from(*d));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn pem(year: i32) -> String {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_after = date_time_ymd(year, 3, 4);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn its_end_is_read_however_the_year_is_written() {
        for year in [2031, 2049, 2050, 2099] {
            let end = ends(pem(year).as_bytes()).unwrap();
            assert_eq!(end.to_string(), format!("{year}-03-04T00:00:00Z"));
        }
    }

    #[test]
    fn what_is_none_or_is_cut_anywhere_has_no_end() {
        assert_eq!(ends(b""), None);
        assert_eq!(ends(b"-----BEGIN CERTIFICATE-----\nMIIB\n"), None);
        let whole = CertificateDer::from_pem_slice(pem(2031).as_bytes()).unwrap();
        assert!(not_after(&whole).is_some());
        for cut in 0..whole.len() {
            assert_eq!(not_after(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(not_after(&[SEQUENCE, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), None);
        assert_eq!(not_after(&[SEQUENCE, 0xFF]), None);
    }
}
