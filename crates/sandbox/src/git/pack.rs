//! Packs: what Git sends and receives objects in.
//!
//! Writing stores objects whole and uncompressed: on loopback, compressing costs more than sending. Reading takes
//! everything that real clients send: compressed objects, both kinds of deltas, and thin packs.

use std::collections::HashMap;
use std::io::Read;

use bytes::Bytes;
use flate2::bufread::ZlibDecoder;
use gix::ObjectId;
use gix::objs::Kind;
use sha1::{Digest, Sha1};

use super::GitError;
use super::objects::{Objects, hash};

/// An object out of a pack.
pub(super) type Unpacked = (ObjectId, Kind, Bytes);

/// The largest object that is taken from a push, in bytes: code hosts refuse 100 MB.
const LARGEST: u64 = 100 << 20;

/// Writes a pack of the objects that are there; the others are left out.
pub(super) fn encode(objects: &Objects, ids: &[ObjectId]) -> Vec<u8> {
    let found: Vec<_> = ids.iter().filter_map(|id| objects.get(id)).collect();
    let size: usize = found.iter().map(|object| object.data.len() + 32).sum();
    let mut pack = Vec::with_capacity(size + 64);
    pack.extend_from_slice(b"PACK\0\0\0\x02");
    pack.extend_from_slice(&u32::try_from(found.len()).unwrap_or(u32::MAX).to_be_bytes());
    for object in found {
        let kind = match object.kind {
            Kind::Commit => 1,
            Kind::Tree => 2,
            Kind::Blob => 3,
            Kind::Tag => 4,
        };
        let mut size = object.data.len();
        let mut byte = (kind << 4) | low_bits(size, 4);
        size >>= 4;
        while size != 0 {
            pack.push(byte | 0x80);
            byte = low_bits(size, 7);
            size >>= 7;
        }
        pack.push(byte);
        store(&mut pack, &object.data);
    }
    let checksum = Sha1::digest(&pack);
    pack.extend_from_slice(&checksum);
    pack
}

fn low_bits(value: usize, bits: u32) -> u8 {
    u8::try_from(value & ((1 << bits) - 1)).unwrap_or(0)
}

/// A zlib stream of stored blocks (RFC 1950 and 1951).
fn store(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(&[0x78, 0x01]);
    let mut rest = data;
    loop {
        let (block, after) = rest.split_at(rest.len().min(0xffff));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(after.is_empty()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    out.extend_from_slice(&adler32(data).to_be_bytes());
}

fn adler32(data: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    // The longest run whose sums cannot overflow.
    for run in data.chunks(5552) {
        for byte in run {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    (b << 16) | a
}

fn broken(what: &str) -> GitError {
    GitError::Broken(format!("the pack: {what}"))
}

/// What a delta is applied to.
enum Base {
    /// The entry at this offset of the same pack.
    Offset(usize),
    /// An object of the pack or of the repository.
    Id(ObjectId),
}

/// Reads a pack; `objects` hold what deltas of a thin pack refer to.
pub(super) fn decode(objects: &Objects, pack: &[u8]) -> Result<Vec<Unpacked>, GitError> {
    let (body, checksum) = pack
        .len()
        .checked_sub(20)
        .map(|length| pack.split_at(length))
        .filter(|(body, _)| body.len() >= 12)
        .ok_or_else(|| broken("it ends early"))?;
    if Sha1::digest(body).as_slice() != checksum {
        return Err(broken("its checksum is wrong"));
    }
    let version = body.get(4..8);
    if !body.starts_with(b"PACK") || !matches!(version, Some([0, 0, 0, 2 | 3])) {
        return Err(broken("it is no pack of version 2 or 3"));
    }
    let count = u32::from_be_bytes([body[8], body[9], body[10], body[11]]);

    let mut done: HashMap<usize, Unpacked> = HashMap::new();
    let mut by_id: gix::hashtable::HashMap<ObjectId, usize> = Default::default();
    let mut order = Vec::new();
    let mut deltas: Vec<(usize, Base, Vec<u8>)> = Vec::new();
    let mut at = 12;
    for _ in 0..count {
        let start = at;
        order.push(start);
        let (kind, size) = entry_header(body, &mut at)?;
        let kind = match kind {
            1 => Kind::Commit,
            2 => Kind::Tree,
            3 => Kind::Blob,
            4 => Kind::Tag,
            6 => {
                let distance = offset(body, &mut at)?;
                let base = start
                    .checked_sub(distance)
                    .filter(|_| distance > 0)
                    .ok_or_else(|| broken("a delta's base lies outside of it"))?;
                deltas.push((start, Base::Offset(base), inflate(body, &mut at, size)?));
                continue;
            }
            7 => {
                let id = body
                    .get(at..at + 20)
                    .and_then(|bytes| ObjectId::try_from(bytes).ok())
                    .ok_or_else(|| broken("it ends early"))?;
                at += 20;
                deltas.push((start, Base::Id(id), inflate(body, &mut at, size)?));
                continue;
            }
            _ => return Err(broken("an entry of an unknown kind")),
        };
        let data = Bytes::from(inflate(body, &mut at, size)?);
        let id = hash(kind, &data)?;
        by_id.insert(id, start);
        done.insert(start, (id, kind, data));
    }

    // A delta's base may be a delta that stands further on: go round until nothing is left or nothing moves.
    while !deltas.is_empty() {
        let before = deltas.len();
        let mut waiting = Vec::new();
        for (start, base, delta) in deltas {
            let in_pack = match &base {
                Base::Offset(offset) => done.get(offset),
                Base::Id(id) => by_id.get(id).and_then(|offset| done.get(offset)),
            };
            let found = match (in_pack, &base) {
                (Some((_, kind, data)), _) => Some((*kind, data.clone())),
                (None, Base::Id(id)) => objects
                    .get(id)
                    .map(|object| (object.kind, object.data.clone())),
                (None, Base::Offset(_)) => None,
            };
            let Some((kind, data)) = found else {
                waiting.push((start, base, delta));
                continue;
            };
            let data = Bytes::from(apply_delta(&data, &delta)?);
            let id = hash(kind, &data)?;
            by_id.insert(id, start);
            done.insert(start, (id, kind, data));
        }
        if waiting.len() == before {
            return Err(broken("a delta's base is missing"));
        }
        deltas = waiting;
    }
    Ok(order
        .into_iter()
        .filter_map(|start| done.remove(&start))
        .collect())
}

fn byte(bytes: &[u8], at: &mut usize) -> Result<u8, GitError> {
    let byte = *bytes.get(*at).ok_or_else(|| broken("it ends early"))?;
    *at += 1;
    Ok(byte)
}

/// An entry's kind and its size when unpacked.
fn entry_header(pack: &[u8], at: &mut usize) -> Result<(u8, u64), GitError> {
    let mut next = byte(pack, at)?;
    let kind = (next >> 4) & 7;
    let mut size = u64::from(next & 0x0f);
    let mut shift = 4;
    while next & 0x80 != 0 {
        next = byte(pack, at)?;
        size |= u64::from(next & 0x7f)
            .checked_shl(shift)
            .ok_or_else(|| broken("a size out of bounds"))?;
        shift += 7;
    }
    if size > LARGEST {
        return Err(broken("an object larger than 100 MB"));
    }
    Ok((kind, size))
}

/// How far before its delta a base stands.
fn offset(pack: &[u8], at: &mut usize) -> Result<usize, GitError> {
    let mut next = byte(pack, at)?;
    let mut distance = usize::from(next & 0x7f);
    while next & 0x80 != 0 {
        next = byte(pack, at)?;
        distance = distance
            .checked_add(1)
            .and_then(|distance| distance.checked_mul(128))
            .map(|distance| distance | usize::from(next & 0x7f))
            .ok_or_else(|| broken("an offset out of bounds"))?;
    }
    Ok(distance)
}

fn inflate(pack: &[u8], at: &mut usize, size: u64) -> Result<Vec<u8>, GitError> {
    let rest = pack.get(*at..).unwrap_or_default();
    let mut decoder = ZlibDecoder::new(rest);
    let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // One byte more than there should be, so that too much is noticed and the stream's end is read.
    (&mut decoder)
        .take(size + 1)
        .read_to_end(&mut data)
        .map_err(|error| broken(&error.to_string()))?;
    if data.len() as u64 != size {
        return Err(broken("an object of another size than it says"));
    }
    *at += usize::try_from(decoder.total_in()).unwrap_or(usize::MAX);
    Ok(data)
}

/// Applies a delta: copies from the base, and inserts.
fn apply_delta(base: &[u8], delta: &[u8]) -> Result<Vec<u8>, GitError> {
    let mut at = 0;
    let base_size = delta_size(delta, &mut at)?;
    let size = delta_size(delta, &mut at)?;
    if base_size != base.len() as u64 || size > LARGEST {
        return Err(broken("a delta for another base"));
    }
    let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    while at < delta.len() {
        let command = byte(delta, &mut at)?;
        if command & 0x80 == 0 {
            let length = usize::from(command);
            let inserted = delta
                .get(at..at + length)
                .filter(|_| length > 0)
                .ok_or_else(|| broken("a delta that ends early"))?;
            data.extend_from_slice(inserted);
            at += length;
            continue;
        }
        let mut number = |bits: std::ops::Range<u8>| -> Result<usize, GitError> {
            let mut value = 0;
            for (place, bit) in bits.enumerate() {
                if command & (1 << bit) != 0 {
                    value |= usize::from(byte(delta, &mut at)?) << (8 * place);
                }
            }
            Ok(value)
        };
        let start = number(0..4)?;
        let length = match number(4..7)? {
            0 => 0x10000,
            length => length,
        };
        let copied = start
            .checked_add(length)
            .and_then(|end| base.get(start..end))
            .ok_or_else(|| broken("a delta that copies from outside of its base"))?;
        data.extend_from_slice(copied);
    }
    if data.len() as u64 != size {
        return Err(broken("a delta of another size than it says"));
    }
    Ok(data)
}

fn delta_size(delta: &[u8], at: &mut usize) -> Result<u64, GitError> {
    let (mut size, mut shift) = (0_u64, 0);
    loop {
        let next = byte(delta, at)?;
        size |= u64::from(next & 0x7f)
            .checked_shl(shift)
            .ok_or_else(|| broken("a size out of bounds"))?;
        shift += 7;
        if next & 0x80 == 0 {
            return Ok(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let mut objects = Objects::default();
        let contents = [
            Vec::new(),
            b"small".to_vec(),
            vec![b'x'; 70_000],
            (0..=255).cycle().take(200_001).collect(),
        ];
        let ids: Vec<ObjectId> = contents
            .iter()
            .map(|content| objects.insert(Kind::Blob, content.clone().into()).unwrap())
            .collect();
        let pack = encode(&objects, &ids);
        let unpacked = decode(&Objects::default(), &pack).unwrap();
        let contents: Vec<Unpacked> = ids
            .into_iter()
            .zip(contents)
            .map(|(id, content)| (id, Kind::Blob, content.into()))
            .collect();
        assert_eq!(unpacked, contents);
    }

    #[test]
    fn a_thin_packs_delta_is_applied_to_what_is_there() {
        let mut objects = Objects::default();
        let base = objects
            .insert(
                Kind::Blob,
                Bytes::from_static(b"image: shop/checkout:1.4.0\n"),
            )
            .unwrap();
        // 27 bytes become 27: copy 21 from 0, insert "1.5.0\n".
        let delta = [&[27, 27, 0x80 | 0x10, 21, 6][..], b"1.5.0\n"].concat();
        let mut pack = b"PACK\0\0\0\x02\0\0\0\x01".to_vec();
        pack.push((7 << 4) | u8::try_from(delta.len()).unwrap());
        pack.extend_from_slice(base.as_slice());
        store(&mut pack, &delta);
        let checksum = Sha1::digest(&pack);
        pack.extend_from_slice(&checksum);
        let unpacked = decode(&objects, &pack).unwrap();
        assert_eq!(&unpacked[0].2[..], b"image: shop/checkout:1.5.0\n");
        assert!(decode(&Objects::default(), &pack).is_err());
    }

    #[test]
    fn a_broken_pack_is_an_error_and_no_panic() {
        let mut objects = Objects::default();
        let id = objects
            .insert(Kind::Blob, Bytes::from_static(b"some content"))
            .unwrap();
        let pack = encode(&objects, &[id]);
        for length in 0..pack.len() {
            assert!(decode(&objects, &pack[..length]).is_err());
        }
        let body = &pack[..pack.len() - 20];
        for place in 0..body.len() {
            let mut damaged = body.to_vec();
            damaged[place] ^= 0xff;
            let checksum = Sha1::digest(&damaged);
            damaged.extend_from_slice(&checksum);
            assert!(decode(&objects, &damaged).is_err(), "byte {place}");
        }
    }
}
