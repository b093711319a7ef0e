//! The `Link` header, by which servers say where the next page is. Pure.

use url::Url;

/// The address of the next page, if there is one and it is on the same server: a token must not follow it elsewhere.
pub(crate) fn next(header: &str, page: &Url) -> Option<Url> {
    for link in header.split(',') {
        let mut parts = link.split(';');
        let target = parts.next()?.trim();
        let is_next = parts.any(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .trim()
                    .trim_matches('"')
                    .split_whitespace()
                    .any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        if !is_next {
            continue;
        }
        let target = target.strip_prefix('<')?.strip_suffix('>')?;
        // Registries give it relative to the page.
        let target = page.join(target).ok()?;
        return (target.origin() == page.origin()).then_some(target);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Url {
        Url::parse("https://api.github.com/repos/a/b/pulls?page=1").unwrap()
    }

    #[test]
    fn the_next_page_among_others() {
        let header = "<https://api.github.com/x?page=9>; rel=\"last\", <https://api.github.com/x?page=2>; rel=\"next\"";
        assert_eq!(
            next(header, &page()).unwrap().as_str(),
            "https://api.github.com/x?page=2"
        );
        assert!(next("<https://api.github.com/x?page=1>; rel=\"prev\"", &page()).is_none());
        assert!(next("", &page()).is_none());
        assert!(next("nonsense; rel=next", &page()).is_none());
    }

    #[test]
    fn registries_give_a_path() {
        let page = Url::parse("http://127.0.0.1:5000/v2/shop/api/tags/list?n=2").unwrap();
        assert_eq!(
            next("</v2/shop/api/tags/list?last=b&n=2>; rel=\"next\"", &page)
                .unwrap()
                .as_str(),
            "http://127.0.0.1:5000/v2/shop/api/tags/list?last=b&n=2"
        );
    }

    #[test]
    fn a_page_on_another_server_is_not_followed() {
        assert!(next("<https://evil.example/x>; rel=\"next\"", &page()).is_none());
    }
}
