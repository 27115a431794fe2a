//! From the integration's stored credentials to a Jira site that may be called.

use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::model::SecretDocument;
use crate::outbound;
use crate::skills::{SkillCall, SkillError, SkillErrorKind};

const SET_SECRET: &str = "set them with `t3nets secret set jira`";

/// A Jira site, the account that reads it, and the board to report on.
#[derive(Debug)]
pub(in crate::skills) struct Site {
    /// The prefix of the REST API's paths, with a slash at its end or without.
    pub(in crate::skills) base: Url,
    /// The account's e-mail address, the user name of Basic authentication.
    pub(in crate::skills) email: String,
    /// The account's API token, the password of Basic authentication.
    pub(in crate::skills) api_token: SecretString,
    /// The number after `/boards/` in the board's address.
    pub(in crate::skills) board_id: u64,
    /// Only this project's issues count; all issues of the board if absent.
    pub(in crate::skills) project_key: Option<String>,
}

impl Site {
    /// Reads the credentials and refuses those that cannot work or would travel in clear.
    pub(in crate::skills) fn read(credentials: &SecretDocument) -> Result<Self, SkillError> {
        let board_id = credentials.text("board_id");
        let board_id = board_id.map(|id| {
            id.parse().map_err(|_| {
                wrong(
                    "`board_id` of the integration `jira` is not a number".to_owned(),
                    "it is the number after `/boards/` in the board's address",
                )
            })
        });
        Self::with_board(credentials, board_id)
    }

    /// The same without a board: what needs none can be asked.
    pub(in crate::skills) fn read_without_board(
        credentials: &SecretDocument,
    ) -> Result<Self, SkillError> {
        Self::with_board(credentials, Some(Ok(0)))
    }

    fn with_board(
        credentials: &SecretDocument,
        board_id: Option<Result<u64, SkillError>>,
    ) -> Result<Self, SkillError> {
        let fields = ["url", "email", "api_token"];
        let lacks_board = board_id.is_none().then(|| "`board_id`".to_owned());
        let missing: Vec<String> = fields
            .iter()
            .filter(|field| credentials.text(field).is_none())
            .map(|field| format!("`{field}`"))
            .chain(lacks_board)
            .collect();
        let values = fields.map(|field| credentials.text(field));
        let ([Some(url), Some(email), Some(api_token)], Some(board_id)) = (values, board_id) else {
            let missing = missing.join(", ");
            return Err(wrong(
                format!("the integration `jira` lacks {missing}"),
                SET_SECRET,
            ));
        };
        let board_id = board_id?;
        let project_key = credentials.text("project_key");
        if project_key
            .as_deref()
            .is_some_and(|key| !is_project_key(key))
        {
            return Err(wrong(
                "`project_key` of the integration `jira` is not a project's key".to_owned(),
                "it is what stands before the number in an issue's key: `ABC` in `ABC-12`",
            ));
        }
        Ok(Self {
            base: base_url(&url)?,
            email,
            api_token: api_token.into(),
            board_id,
            project_key,
        })
    }

    /// The URL of a path of the REST API, which begins with a slash.
    pub(in crate::skills) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// A text without the token, as it is or as Basic authentication sends it: errors may repeat
    /// what was sent.
    pub(in crate::skills) fn without_token(&self, text: &str) -> String {
        let token = self.api_token.expose_secret();
        let basic = BASE64.encode(format!("{}:{token}", self.email).as_bytes());
        text.replace(token, "[token]").replace(&basic, "[token]")
    }

    /// The site's host, for people.
    pub(in crate::skills) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Where people open an issue; none behind Atlassian's API gateway, whose URL does not tell the
    /// site's own.
    pub(in crate::skills) fn browse_url(&self, key: &str) -> Option<String> {
        self.page(&format!("/browse/{key}"))
    }

    /// The address of a page for people, with the same gap.
    pub(in crate::skills) fn page(&self, path: &str) -> Option<String> {
        (self.host() != "api.atlassian.com").then(|| self.url(path).into())
    }
}

/// The credentials of a call, or the error for a tenant that has not connected Jira.
pub(in crate::skills) fn of_call(call: &SkillCall) -> Result<&SecretDocument, SkillError> {
    call.credentials.as_ref().ok_or_else(|| {
        wrong(
            "the integration `jira` is not connected".to_owned(),
            "connect it with `t3nets secret set jira`",
        )
    })
}

fn wrong(message: String, hint: &str) -> SkillError {
    SkillError {
        kind: SkillErrorKind::Configuration,
        message,
        hint: Some(hint.to_owned()),
    }
}

/// HTTPS, or HTTP on loopback: the token is in every request.
fn base_url(text: &str) -> Result<Url, SkillError> {
    let hint = "use the site's address, such as `https://TEAM.atlassian.net`";
    let mut url = Url::parse(text)
        .ok()
        .filter(|url| url.has_host() && matches!(url.scheme(), "https" | "http"))
        .ok_or_else(|| {
            wrong(
                "`url` of the integration `jira` is not a web address".to_owned(),
                hint,
            )
        })?;
    if url.scheme() == "http" && !outbound::is_loopback(&url) {
        return Err(wrong(
            "`url` of the integration `jira` is not https: the API token would travel in clear"
                .to_owned(),
            hint,
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "`url` of the integration `jira` holds a user name or password".to_owned(),
            hint,
        ));
    }
    url.set_query(None);
    url.set_fragment(None);
    // People paste the address of a page. Cloud sites have no context path; servers and Atlassian's
    // API gateway do.
    if url
        .host_str()
        .is_some_and(|host| host.ends_with(".atlassian.net"))
    {
        url.set_path("");
    }
    Ok(url)
}

/// Jira's default rule for keys. It also keeps JQL out of them.
pub(crate) fn is_project_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(changes: serde_json::Value) -> Result<Site, SkillError> {
        let mut fields = json!({
            "url": "https://team.atlassian.net",
            "email": "bot@example.com",
            "api_token": "s3cret",
            "board_id": "7",
        });
        for (name, value) in changes.as_object().unwrap() {
            fields[name] = value.clone();
        }
        Site::read(&SecretDocument::new(fields.as_object().unwrap().clone()))
    }

    #[test]
    fn every_missing_field_is_named() {
        let error = read(json!({"url": " ", "board_id": null})).err().unwrap();
        assert_eq!(error.kind, SkillErrorKind::Configuration);
        assert_eq!(
            error.message,
            "the integration `jira` lacks `url`, `board_id`"
        );
        assert!(error.hint.unwrap().contains("t3nets secret set jira"));
    }

    #[test]
    fn credentials_never_travel_in_clear() {
        for good in [
            "http://127.0.0.1:9/x",
            "http://[::1]:9",
            "http://localhost",
            "https://jira.example.com",
        ] {
            assert!(read(json!({"url": good})).is_ok(), "{good} was refused");
        }
        for bad in [
            "http://team.atlassian.net",
            "http://localhost.example.com",
            "http://169.254.170.2",
            "http://0.0.0.0",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "team.atlassian.net",
            "https://user:pass@team.atlassian.net",
            "https://",
        ] {
            let error = read(json!({"url": bad})).err();
            assert_eq!(
                error.map(|error| error.kind),
                Some(SkillErrorKind::Configuration),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_pasted_page_address_still_finds_the_api() {
        let url = |text: &str| {
            read(json!({"url": text}))
                .unwrap()
                .url("/rest/x")
                .to_string()
        };
        let pasted = "https://team.atlassian.net/jira/software/projects/ABC/boards/7?a=b#c";
        assert_eq!(url(pasted), "https://team.atlassian.net/rest/x");
        assert_eq!(
            url("https://jira.example.com/jira/"),
            "https://jira.example.com/jira/rest/x"
        );
        assert_eq!(
            url("https://api.atlassian.com/ex/jira/1-2"),
            "https://api.atlassian.com/ex/jira/1-2/rest/x"
        );
    }

    #[test]
    fn hostile_board_ids_and_project_keys_are_refused() {
        assert!(read(json!({"board_id": 7, "project_key": "AB_1"})).is_ok());
        for (field, bad) in [
            ("board_id", "7/../8"),
            ("board_id", "-7"),
            ("project_key", "A OR project = B"),
            ("project_key", "A\""),
        ] {
            let error = read(json!({field: bad})).err().unwrap();
            assert!(error.message.contains(field), "{}", error.message);
        }
    }
}
