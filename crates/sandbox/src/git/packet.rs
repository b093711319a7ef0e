//! Git's pkt-line framing: lines with their length before them, flushes, delimiters and side bands.

use super::GitError;

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Data(&'a [u8]),
    Flush,
    Delimiter,
}

/// The largest packet, its four digits of length included.
const LARGEST: usize = 65_520;

/// Reads packets one by one; what is not read yet stays in `rest`.
#[derive(Clone, Debug)]
pub(super) struct Packets<'a> {
    pub rest: &'a [u8],
}

impl<'a> Packets<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next packet; `None` at the end of the bytes. A line's newline is not part of it.
    pub fn next(&mut self) -> Result<Option<Packet<'a>>, GitError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let broken = || GitError::Broken("a packet that ends early".to_owned());
        let digits = self.rest.get(..4).ok_or_else(broken)?;
        let length = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .ok_or_else(|| GitError::Broken("a packet without a length".to_owned()))?;
        let packet = match length {
            0 => Packet::Flush,
            1 => Packet::Delimiter,
            2 | 3 => return Err(GitError::Broken(format!("a packet of length {length}"))),
            _ => {
                let data = self.rest.get(4..length).ok_or_else(broken)?;
                Packet::Data(data.strip_suffix(b"\n").unwrap_or(data))
            }
        };
        self.rest = self.rest.get(length.max(4)..).ok_or_else(broken)?;
        Ok(Some(packet))
    }

    /// The next line of text; `None` at a flush, a delimiter or the end.
    pub fn line(&mut self) -> Result<Option<&'a str>, GitError> {
        match self.next()? {
            Some(Packet::Data(data)) => std::str::from_utf8(data)
                .map(Some)
                .map_err(|_| GitError::Broken("a line that is not text".to_owned())),
            Some(Packet::Flush | Packet::Delimiter) | None => Ok(None),
        }
    }
}

/// Writes packets.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub bytes: Vec<u8>,
}

impl Writer {
    /// A line; its newline is added.
    pub fn line(&mut self, line: &str) {
        self.data(format!("{line}\n").as_bytes());
    }

    /// Bytes as they are, at most [`LARGEST`] less the length.
    pub fn data(&mut self, data: &[u8]) {
        self.bytes
            .extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
        self.bytes.extend_from_slice(data);
    }

    pub fn flush(&mut self) {
        self.bytes.extend_from_slice(b"0000");
    }

    pub fn delimiter(&mut self) {
        self.bytes.extend_from_slice(b"0001");
    }

    /// Bytes on a side band (1 the data, 2 words for people), cut into packets that fit.
    pub fn band(&mut self, band: Band, data: &[u8], width: BandWidth) {
        let largest = match width {
            BandWidth::None => {
                if band == Band::Data {
                    self.bytes.extend_from_slice(data);
                }
                return;
            }
            BandWidth::Small => 1000,
            BandWidth::Large => LARGEST,
        };
        for chunk in data.chunks(largest - 5) {
            let length = chunk.len() + 5;
            self.bytes
                .extend_from_slice(format!("{length:04x}").as_bytes());
            self.bytes.push(band as u8);
            self.bytes.extend_from_slice(chunk);
        }
    }
}

/// A side band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Band {
    Data = 1,
    Words = 2,
}

/// What the client said about side bands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BandWidth {
    /// None: data goes as it is, words nowhere.
    #[default]
    None,
    /// `side-band`: packets of 1,000 bytes.
    Small,
    /// `side-band-64k`
    Large,
}

impl BandWidth {
    /// What a list of capabilities says.
    pub fn of(capabilities: &str) -> Self {
        let has = |name: &str| capabilities.split_whitespace().any(|it| it == name);
        if has("side-band-64k") {
            Self::Large
        } else if has("side-band") {
            Self::Small
        } else {
            Self::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        writer.line("want one");
        writer.delimiter();
        writer.data(b"");
        writer.flush();
        writer.bytes.extend_from_slice(b"PACK");
        let mut packets = Packets::new(&writer.bytes);
        assert_eq!(packets.next().unwrap(), Some(Packet::Data(b"want one")));
        assert_eq!(packets.next().unwrap(), Some(Packet::Delimiter));
        assert_eq!(packets.next().unwrap(), Some(Packet::Data(b"")));
        assert_eq!(packets.next().unwrap(), Some(Packet::Flush));
        assert_eq!(packets.rest, b"PACK");
        assert!(packets.next().is_err());
    }

    #[test]
    fn a_large_band_is_cut_into_packets() {
        let mut writer = Writer::default();
        writer.band(Band::Data, &vec![7; 100_000], BandWidth::Large);
        let mut packets = Packets::new(&writer.bytes);
        let mut total = 0;
        while let Some(Packet::Data(data)) = packets.next().unwrap() {
            assert_eq!(data[0], 1);
            total += data.len() - 1;
        }
        assert_eq!(total, 100_000);
    }

    #[test]
    fn half_a_packet_is_an_error_and_no_panic() {
        for bytes in [&b"00"[..], b"0009abc", b"zzzz", b"0003", b"ffff"] {
            assert!(Packets::new(bytes).next().is_err(), "{bytes:?}");
        }
    }
}
