//! The OCI distribution API's writing half: uploads of blobs, manifests, deletions.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use http::{Method, StatusCode};
use serde_json::Value;

use super::Registry;
use super::content::{digest_of, is_digest, is_tag, references};
use super::http::{Answer, Asked, unsupported};
use super::refusal::{Code, Refusal};

impl Registry {
    /// `POST …/blobs/uploads/`: begins an upload, or ends it at once with `?digest=`, or takes a blob that another
    /// repository has with `?mount=&from=`.
    pub(super) fn begin_upload(&self, name: &str, asked: &Asked) -> Answer {
        if asked.method != Method::POST {
            return Err(unsupported(asked));
        }
        if let Some(digest) = asked.parameter("mount")
            && let Some(from) = asked.parameter("from")
            && let Some(blob) = self.blob(from, digest)
        {
            self.keep_blob(name, digest, blob);
            return Ok(created(&format!("/v2/{name}/blobs/{digest}"), digest));
        }
        if let Some(digest) = asked.parameter("digest") {
            return self.finish_upload(name, digest, asked.body.to_vec());
        }
        let id = {
            let mut contents = self.contents();
            contents.uploads_begun += 1;
            let id = format!("upload-{}", contents.uploads_begun);
            contents.uploads.insert(id.clone(), asked.body.to_vec());
            id
        };
        Ok(accepted(name, &id, asked.body.len()))
    }

    /// `PATCH`, `PUT`, `GET` and `DELETE` of `…/blobs/uploads/<id>`.
    pub(super) fn continue_upload(&self, name: &str, id: &str, asked: &Asked) -> Answer {
        let unknown = || Code::UploadUnknown.with(format!("no such upload: {id}"));
        let mut contents = self.contents();
        match asked.method {
            Method::PATCH => {
                let upload = contents.uploads.get_mut(id).ok_or_else(unknown)?;
                check_order(asked, upload.len())?;
                upload.extend_from_slice(&asked.body);
                Ok(accepted(name, id, upload.len()))
            }
            Method::PUT => {
                let digest = asked
                    .parameter("digest")
                    .ok_or_else(|| Code::DigestInvalid.with("the digest is missing"))?;
                let mut upload = contents.uploads.remove(id).ok_or_else(unknown)?;
                check_order(asked, upload.len())?;
                upload.extend_from_slice(&asked.body);
                drop(contents);
                self.finish_upload(name, digest, upload)
            }
            Method::GET => {
                let upload = contents.uploads.get(id).ok_or_else(unknown)?;
                let mut response = accepted(name, id, upload.len());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response.headers_mut().remove(CONTENT_LENGTH);
                Ok(response)
            }
            Method::DELETE => {
                contents.uploads.remove(id).ok_or_else(unknown)?;
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            _ => Err(unsupported(asked)),
        }
    }

    fn finish_upload(&self, name: &str, digest: &str, bytes: Vec<u8>) -> Answer {
        let found = digest_of(&bytes);
        if digest != found {
            let message = format!("the content's digest is {found} and not {digest}");
            return Err(Code::DigestInvalid.with(message));
        }
        self.keep_blob(name, digest, bytes.into());
        Ok(created(&format!("/v2/{name}/blobs/{digest}"), digest))
    }

    /// `PUT …/manifests/<tag or digest>`
    pub(super) fn put_manifest_asked(&self, name: &str, reference: &str, asked: &Asked) -> Answer {
        let invalid = |message: String| Code::ManifestInvalid.with(message);
        let manifest: Value = serde_json::from_slice(&asked.body)
            .map_err(|error| invalid(format!("the manifest is no JSON: {error}")))?;
        if manifest["schemaVersion"] != 2 {
            return Err(invalid("unsupported schema version".to_owned()));
        }
        let said = asked
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| value.split(';').next().unwrap_or_default().trim());
        let media_type = said
            .or_else(|| manifest["mediaType"].as_str())
            .ok_or_else(|| invalid("the media type is missing".to_owned()))?;
        let digest = digest_of(&asked.body);
        if is_digest(reference) && reference != digest {
            let message = format!("the content's digest is {digest} and not {reference}");
            return Err(Code::DigestInvalid.with(message));
        }
        if !is_digest(reference) && !is_tag(reference) {
            return Err(Code::TagInvalid.with(format!("invalid tag: {reference}")));
        }
        self.check_references(name, &manifest)?;
        self.keep_manifest(name, media_type, asked.body.clone());
        if is_tag(reference) {
            self.tag(name, reference, &digest);
        }
        let mut response = created(&format!("/v2/{name}/manifests/{digest}"), &digest);
        if let Some(subject) = manifest["subject"]["digest"].as_str()
            && let Ok(value) = subject.parse()
        {
            response.headers_mut().insert("oci-subject", value);
        }
        Ok(response)
    }

    /// Whether everything is there that a manifest needs.
    fn check_references(&self, name: &str, manifest: &Value) -> Result<(), Refusal> {
        let (blobs, manifests) = references(manifest);
        let contents = self.contents();
        let repository = contents.repositories.get(name);
        let has_blob = |digest: &String| repository.is_some_and(|it| it.blobs.contains_key(digest));
        let has_manifest =
            |digest: &String| repository.is_some_and(|it| it.manifests.contains_key(digest));
        if let Some(missing) = blobs.iter().find(|digest| !has_blob(digest)) {
            return Err(Code::ManifestBlobUnknown.with(format!("unknown blob: {missing}")));
        }
        if let Some(missing) = manifests.iter().find(|digest| !has_manifest(digest)) {
            return Err(Code::ManifestBlobUnknown.with(format!("unknown manifest: {missing}")));
        }
        Ok(())
    }

    /// `DELETE …/manifests/<tag or digest>`
    pub(super) fn delete_manifest(&self, name: &str, reference: &str) -> Answer {
        let is_gone = match is_digest(reference) {
            true => self.delete(name, reference),
            false => self.untag(name, reference),
        };
        match is_gone {
            true => Ok(StatusCode::ACCEPTED.into_response()),
            false => Err(Code::ManifestUnknown.with(format!("unknown manifest: {reference}"))),
        }
    }

    /// `DELETE …/blobs/<digest>`
    pub(super) fn delete_blob(&self, name: &str, digest: &str) -> Answer {
        if let Some(repository) = self.contents().repositories.get_mut(name) {
            repository.blobs.remove(digest);
        }
        Ok(StatusCode::ACCEPTED.into_response())
    }
}

/// Chunks come in order: one that begins elsewhere than where the upload ends is refused.
fn check_order(asked: &Asked, length: usize) -> Result<(), Refusal> {
    let Some(range) = asked.headers.get(CONTENT_RANGE) else {
        return Ok(());
    };
    let start = range
        .to_str()
        .ok()
        .and_then(|range| range.trim_start_matches("bytes ").split('-').next())
        .and_then(|start| start.parse::<usize>().ok())
        .ok_or_else(|| Code::UploadInvalid.with("a range that cannot be read"))?;
    if start != length {
        let message = format!("the chunk begins at {start}, the upload ends at {length}");
        return Err(Code::RangeInvalid.with(message));
    }
    Ok(())
}

fn accepted(name: &str, id: &str, length: usize) -> Response {
    (
        StatusCode::ACCEPTED,
        [
            (LOCATION, format!("/v2/{name}/blobs/uploads/{id}")),
            (RANGE, format!("0-{}", length.saturating_sub(1))),
        ],
        [("docker-upload-uuid", id.to_owned())],
    )
        .into_response()
}

fn created(location: &str, digest: &str) -> Response {
    (
        StatusCode::CREATED,
        [(LOCATION, location.to_owned())],
        [("docker-content-digest", digest.to_owned())],
    )
        .into_response()
}
