//! TLS as clusters break it: certificates that have expired, that nobody trusts, or that are for another name.

use std::sync::Arc;

use cluster::Cluster;
use facts::Reach;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::world::{World, quick, until};

pub fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Puts TLS before the world's server; the port.
pub async fn serve(
    world: &World,
    authority: &CertifiedIssuer<'_, KeyPair>,
    change: impl FnOnce(&mut CertificateParams),
) -> u16 {
    listen(world, authority, change, None).await
}

/// The same, for those alone who show a certificate of this authority.
pub async fn serve_to(world: &World, authority: &CertifiedIssuer<'_, KeyPair>) -> u16 {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let wanted = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    listen(world, authority, |_| {}, Some(wanted.build().unwrap())).await
}

/// A person's certificate and its key, in PEM.
pub fn signed(authority: &CertifiedIssuer<'_, KeyPair>) -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "jo");
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}

async fn listen(
    world: &World,
    authority: &CertifiedIssuer<'_, KeyPair>,
    change: impl FnOnce(&mut CertificateParams),
    wanted: Option<Arc<dyn ClientCertVerifier>>,
) -> u16 {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match wanted {
        Some(wanted) => config.with_client_cert_verifier(wanted),
        None => config.with_no_client_auth(),
    };
    let config = config
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = world.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await
                    && let Ok(mut server) = TcpStream::connect(("127.0.0.1", behind)).await
                {
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
                }
            });
        }
    });
    port
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n) & 63) as usize];
            out.push(if n <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    out
}

/// A cluster behind TLS, with the authority that the kubeconfig trusts.
fn cluster(world: &World, port: u16, trusted: &CertifiedIssuer<'_, KeyPair>) -> Cluster {
    let data = base64(&trusted.pem());
    let entry =
        format!("{{server: 'https://127.0.0.1:{port}', certificate-authority-data: {data}}}");
    Cluster::start(&world.context_of(&entry, "{token: t}"), quick())
}

async fn error(cluster: &Cluster) -> String {
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    match &facts.reach {
        Reach::Unreachable { error } => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_certificate_is_trusted() {
    let world = World::new();
    let authority = authority("kubernetes");
    let port = serve(&world, &authority, |_| {}).await;
    let cluster = cluster(&world, port, &authority);
    until(&cluster, "answering", |f| {
        f.reach == Reach::Answering && f.namespaces.len() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_said() {
    let world = World::new();
    let authority = authority("kubernetes");
    let port = serve(&world, &authority, |params| {
        params.not_after = date_time_ymd(2021, 1, 1);
    })
    .await;
    assert_eq!(
        error(&cluster(&world, port, &authority)).await,
        format!(
            "the certificate of 127.0.0.1:{port} has expired (it must be renewed where the cluster is run, unless this machine's clock is wrong)"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_unknown_authority_is_said() {
    let world = World::new();
    let port = serve(&world, &authority("kubernetes"), |_| {}).await;
    // Built anew under the same name, or another one altogether.
    for name in ["kubernetes", "other"] {
        assert_eq!(
            error(&cluster(&world, port, &authority(name))).await,
            format!(
                "the certificate of 127.0.0.1:{port} is signed by an authority that is not trusted (look at certificate-authority-data of the cluster in the kubeconfig)"
            )
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_said() {
    let world = World::new();
    let authority = authority("kubernetes");
    let port = serve(&world, &authority, |params| {
        params.subject_alt_names = vec![SanType::DnsName("other.example".try_into().unwrap())];
    })
    .await;
    let said = error(&cluster(&world, port, &authority)).await;
    assert!(said.contains("is for another name"), "{said}");
}
