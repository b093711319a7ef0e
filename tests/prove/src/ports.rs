//! Ports on loopback that were free a moment ago.

/// Where everything listens.
pub const LOCAL: &str = "127.0.0.1";

/// Some ports.
pub struct Ports(std::vec::IntoIter<u16>);

impl Ports {
    /// Finds so many.
    ///
    /// # Errors
    /// There are not so many.
    pub fn find(count: usize) -> std::io::Result<Self> {
        // All are held until all are known, so that none is given twice.
        let held: Vec<_> = (0..count)
            .map(|_| std::net::TcpListener::bind((LOCAL, 0)))
            .collect::<Result<_, _>>()?;
        let ports: Vec<u16> = held
            .iter()
            .map(|listener| listener.local_addr().map(|address| address.port()))
            .collect::<Result<_, _>>()?;
        Ok(Self(ports.into_iter()))
    }

    /// Takes one.
    pub fn take(&mut self) -> u16 {
        // More than are asked for are found.
        self.0.next().unwrap_or_default()
    }
}
