//! The files of the console and the book: open to everybody, and under a content policy that allows nothing inline.

use std::fs;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

use crate::support::{self, Answer, Server};

#[tokio::test]
async fn the_page_is_served_without_a_signature_under_a_strict_policy() {
    let server = Server::start().await;
    let answer = server.send(Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    for part in ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
}

#[tokio::test]
async fn an_asset_that_does_not_exist_is_not_found_and_not_kept() {
    let server = Server::start().await;
    let answer = server.send(Request::get("/assets/absent.js").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.headers["cache-control"], "no-cache");
}

#[tokio::test]
async fn a_directory_named_by_the_operator_takes_the_place_of_the_files_in_the_program() {
    let (data, console) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut settings = support::settings(data.path());
    settings.console = Some(console.path().to_owned());
    let server = support::open_with(&settings).await.unwrap();
    let get = async |path: &str| {
        server.send(Request::get(path).header("accept-encoding", "gzip").body(Body::empty()).unwrap()).await
    };
    let answer = get("/").await;
    let page = text(&answer);
    assert!(page.contains("not built yet") && page.contains("http-equiv=\"refresh\""), "{page}");

    fs::create_dir(console.path().join("assets")).unwrap();
    fs::write(console.path().join("index.html"), "the console").unwrap();
    fs::write(console.path().join("assets/code-1.js"), "plain").unwrap();
    fs::write(console.path().join("assets/code-1.js.gz"), "compressed").unwrap();
    assert_eq!(text(&get("/").await), "the console", "without a restart");
    let asset = get("/assets/code-1.js").await;
    assert_eq!((text(&asset), asset.headers["content-encoding"].to_str().unwrap()), ("compressed", "gzip"));
    assert_eq!(asset.headers["content-type"], "text/javascript; charset=utf-8");
}

#[tokio::test]
async fn no_name_leads_out_of_the_directory_of_the_console() {
    let directory = tempfile::tempdir().unwrap();
    let (data, console) = (directory.path().join("data"), directory.path().join("console"));
    fs::create_dir_all(console.join("assets")).unwrap();
    for secret in ["secret.js", "console/.hidden", "console/assets/.hidden", "console/outside.js"] {
        fs::write(directory.path().join(secret), "secret").unwrap();
    }
    let mut settings = support::settings(&data);
    settings.console = Some(console);
    let server = support::open_with(&settings).await.unwrap();
    for name in [
        "..%2Foutside.js",
        "..%2f..%2fsecret.js",
        "%2e%2e%2foutside.js",
        ".hidden",
        "..",
        "x%00.js",
        "%5c..%5coutside.js",
    ] {
        let answer = server.send(Request::get(format!("/assets/{name}")).body(Body::empty()).unwrap()).await;
        assert!(answer.status.is_client_error(), "{name}: {}", answer.status);
        assert!(!text(&answer).contains("secret"), "{name}");
    }
}

#[tokio::test]
async fn the_book_and_the_notices_are_served_from_beside_the_console_under_a_policy_of_their_own() {
    let (data, console) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut settings = support::settings(data.path());
    settings.console = Some(console.path().to_owned());
    let server = support::open_with(&settings).await.unwrap();
    let get = async |path: &str| server.send(Request::get(path).body(Body::empty()).unwrap()).await;
    for (path, command) in [("/docs/", "cargo xtask docs --embed"), ("/licenses", "cargo xtask package")] {
        let answer = get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(text(&answer).contains(command), "{path}: {}", text(&answer));
    }

    fs::create_dir_all(console.path().join("docs/how-to")).unwrap();
    for (name, content) in [
        ("licenses.txt", "the notices"),
        ("docs/index.html", "the book"),
        ("docs/how-to/page.html", "a page"),
        ("docs/book-1a2b.js", "a script"),
    ] {
        fs::write(console.path().join(name), content).unwrap();
    }
    let moved = get("/docs").await;
    assert_eq!((moved.status, moved.headers["location"].to_str().unwrap()), (StatusCode::PERMANENT_REDIRECT, "/docs/"));
    for (path, content, kind) in [
        ("/licenses", "the notices", "text/plain; charset=utf-8"),
        ("/docs/", "the book", "text/html; charset=utf-8"),
        ("/docs/index.html", "the book", "text/html; charset=utf-8"),
        ("/docs/how-to/page.html", "a page", "text/html; charset=utf-8"),
        ("/docs/book-1a2b.js", "a script", "text/javascript; charset=utf-8"),
    ] {
        let answer = get(path).await;
        assert_eq!((answer.status, text(&answer)), (StatusCode::OK, content), "{path}");
        assert_eq!(answer.headers["content-type"], kind, "{path}");
        assert_eq!(answer.headers["cache-control"], "no-cache", "{path}");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"), "{path}: {policy}");
    }
    let absent = get("/docs/absent.html").await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    assert!(text(&absent).contains("no such page"), "{}", text(&absent));
    for name in
        ["..%2flicenses.txt", "../licenses.txt", "how-to/..%2f..%2flicenses.txt", ".hidden", "how-to%5cpage.html"]
    {
        let answer = get(&format!("/docs/{name}")).await;
        assert!(answer.status.is_client_error() && !text(&answer).contains("notices"), "{name}: {}", answer.status);
    }
}

/// A body that is no JSON.
fn text(answer: &Answer) -> &str {
    answer.body.as_str().unwrap_or_default()
}
