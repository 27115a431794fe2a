use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::issuer::{RSA, SigningKey, unsigned};

use super::*;
use crate::oidc::{AUDIENCE_VARIABLE, ISSUER_VARIABLE};

const NOW: i64 = 1_800_000_000;

static P256: LazyLock<SigningKey> = LazyLock::new(SigningKey::p256);

fn settings() -> OidcSettings {
    let lookup = |name: &str| match name {
        ISSUER_VARIABLE => Some("https://login.example.com/team".to_owned()),
        AUDIENCE_VARIABLE => Some("t3nets".to_owned()),
        _ => None,
    };
    OidcSettings::from_env(lookup, false).unwrap().unwrap()
}

fn keys(published: &[Value]) -> KeySet {
    KeySet::read(json!({"keys": published}).to_string().as_bytes()).unwrap()
}

/// An ID token of Cognito's, as far as it is read
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html>).
fn claimed() -> Value {
    json!({
        "sub": "5f1c", "iss": "https://login.example.com/team", "aud": "t3nets",
        "token_use": "id", "auth_time": NOW - 60, "iat": NOW - 60, "exp": NOW + 3600,
        "email": "ada@example.com", "email_verified": true, "custom:tenant_id": "acme",
    })
}

fn with(changes: Value) -> Value {
    let mut claims = claimed();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

fn verified(token: &str, keys: &KeySet) -> Result<Claimed, Refused> {
    let now = Timestamp::from_second(NOW).unwrap();
    verify(token, &Head::read(token)?, keys, &settings(), now)
}

/// What comes of claims that are signed as they should be.
fn claims_of(changes: Value) -> Result<Claimed, Refused> {
    let token = P256.token(&json!({"alg": "ES256", "kid": "a"}), &with(changes));
    verified(&token, &keys(&[P256.published("a")]))
}

#[test]
fn a_token_is_accepted_by_each_algorithm_of_its_key_and_by_no_other() {
    let (p384, ed25519) = (SigningKey::p384(), SigningKey::ed25519());
    let all = keys(&[
        RSA.published("rsa"),
        P256.published("p256"),
        p384.published("p384"),
        ed25519.published("ed"),
    ]);
    let told = Claimed {
        tenant: "acme".parse().unwrap(),
        email: "ada@example.com".to_owned(),
        expires_at: Timestamp::from_second(NOW + 3600).unwrap(),
    };
    for (key, id, algorithms) in [
        (&*RSA, "rsa", &["RS256", "RS384", "RS512", "PS256"][..]),
        (&*P256, "p256", &["ES256"]),
        (&p384, "p384", &["ES384"]),
        (&ed25519, "ed", &["EdDSA"]),
    ] {
        for algorithm in algorithms {
            let head = json!({"alg": algorithm, "kid": id, "typ": "JWT"});
            let token = key.token(&head, &claimed());
            assert!(is_jwt(&token));
            assert_eq!(verified(&token, &all), Ok(told.clone()), "{algorithm}");
            // The key that it names is another one's.
            for other in ["rsa", "p256", "p384", "ed"] {
                if other != id {
                    let head = json!({"alg": algorithm, "kid": other});
                    let refused = verified(&key.token(&head, &claimed()), &all).unwrap_err();
                    assert!(
                        matches!(refused, Refused::Algorithm | Refused::Signature),
                        "{algorithm} {other} {refused:?}"
                    );
                }
            }
        }
    }
    let mut one = RSA.published("rsa");
    one["alg"] = "RS256".into();
    let head = json!({"alg": "RS512", "kid": "rsa"});
    let refused = verified(&RSA.token(&head, &claimed()), &keys(&[one]));
    assert_eq!(refused, Err(Refused::Algorithm));
}

#[test]
fn what_anybody_could_have_signed_is_refused() {
    let published = RSA.published("rsa");
    let all = keys(std::slice::from_ref(&published));
    for algorithm in ["none", "None", "", "HS256", "HS512", "RS1", "ES256K"] {
        let head = json!({"alg": algorithm, "kid": "rsa"});
        for signature in ["", "AAAA"] {
            let token = format!("{}.{signature}", unsigned(&head, &claimed()));
            assert!(is_jwt(&token));
            assert_eq!(verified(&token, &all), Err(Refused::Algorithm));
        }
    }
    // The public key, as the secret of an HMAC.
    for secret in [published["n"].as_str().unwrap().as_bytes(), b"public"] {
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        let mut head = jsonwebtoken::Header::new(Algorithm::HS256);
        head.kid = Some("rsa".to_owned());
        let token = jsonwebtoken::encode(&head, &claimed(), &key).unwrap();
        assert_eq!(verified(&token, &all), Err(Refused::Algorithm));
        let mut symmetric = json!({"kty": "oct", "kid": "rsa"});
        symmetric["k"] = BASE64URL_NOPAD.encode(secret).into();
        assert_eq!(keys(&[symmetric]).len(), 0);
    }
}

#[test]
fn a_signature_is_for_every_letter_of_head_and_claims_and_by_the_key_that_is_named() {
    let head = json!({"alg": "ES256", "kid": "a"});
    let token = P256.token(&head, &claimed());
    let all = keys(&[P256.published("a")]);
    assert!(verified(&token, &all).is_ok());
    let signature = token.rsplit('.').next().unwrap();
    let others = unsigned(&head, &with(json!({"email": "bob@example.com"})));
    for forged in [
        format!("{others}.{signature}"),
        format!("{}.", unsigned(&head, &claimed())),
        SigningKey::p256().token(&head, &claimed()),
        format!("{token}AAAA"),
    ] {
        assert_eq!(verified(&forged, &all), Err(Refused::Signature));
    }
}

#[test]
fn a_key_is_found_by_its_id_and_without_one_only_if_there_is_no_other() {
    let second = SigningKey::p256();
    let (one, two) = (
        keys(&[P256.published("a")]),
        keys(&[P256.published("a"), second.published("b")]),
    );
    let unnamed = P256.token(&json!({"alg": "ES256"}), &claimed());
    assert!(verified(&unnamed, &one).is_ok());
    assert_eq!(verified(&unnamed, &two), Err(Refused::NoKeyId));
    let unknown = P256.token(&json!({"alg": "ES256", "kid": "c"}), &claimed());
    assert_eq!(verified(&unknown, &two), Err(Refused::UnknownKey));
    let others = P256.token(&json!({"alg": "ES256", "kid": "b"}), &claimed());
    assert_eq!(verified(&others, &two), Err(Refused::Signature));

    let mut for_encryption = P256.published("a");
    for_encryption["use"] = "enc".into();
    let odd = json!({"kty": "new", "kid": "a"});
    assert_eq!(keys(&[for_encryption, odd, json!(1)]).len(), 0);
}

#[test]
fn issuer_audience_and_times_must_fit() {
    for (changes, refused) in [
        (json!({"iss": "https://login.example.com"}), Refused::Issuer),
        (
            json!({"iss": "https://login.example.com/team/"}),
            Refused::Issuer,
        ),
        (json!({"iss": null}), Refused::Issuer),
        (json!({"aud": "t3nets2"}), Refused::Audience),
        (json!({"aud": ["other", "more"]}), Refused::Audience),
        (json!({"aud": []}), Refused::Audience),
        (json!({"aud": null}), Refused::Audience),
        (
            json!({"aud": null, "client_id": "t3nets"}),
            Refused::Audience,
        ),
        (
            json!({"aud": "other", "token_use": "access", "client_id": "t3nets"}),
            Refused::Audience,
        ),
        (json!({"exp": null}), Refused::NoExpiry),
        (json!({"exp": NOW - 60}), Refused::Expired),
        (json!({"exp": -1e300}), Refused::Expired),
        (json!({"nbf": NOW + 61}), Refused::NotYet),
        (json!({"iat": NOW + 61}), Refused::NotYet),
        (json!({"iat": 1e300}), Refused::NotYet),
        (json!({"exp": "1900000000"}), Refused::Malformed),
        (
            json!({"iss": ["https://login.example.com/team"]}),
            Refused::Malformed,
        ),
    ] {
        assert_eq!(claims_of(changes.clone()), Err(refused), "{changes}");
    }
    for fine in [
        json!({}),
        json!({"aud": ["other", "t3nets"]}),
        json!({"aud": null, "token_use": "access", "client_id": "t3nets"}),
        json!({"exp": NOW - 59}),
        json!({"exp": NOW as f64 + 0.5}),
        json!({"exp": 1e300}),
        json!({"nbf": NOW + 60, "iat": null}),
    ] {
        assert!(claims_of(fine.clone()).is_ok(), "{fine}");
    }
}

#[test]
fn a_tenant_and_a_verified_address_must_be_named() {
    for (changes, refused) in [
        (json!({"custom:tenant_id": null}), Refused::NoTenant),
        (json!({"custom:tenant_id": ""}), Refused::NoTenant),
        (json!({"custom:tenant_id": "../acme"}), Refused::NoTenant),
        (json!({"tenant_id": "other"}), Refused::NoTenant),
        (json!({"email": null}), Refused::NoEmail),
        (json!({"email": ""}), Refused::NoEmail),
        (json!({"email_verified": null}), Refused::Unverified),
        (json!({"email_verified": false}), Refused::Unverified),
        (json!({"email_verified": "false"}), Refused::Unverified),
        (
            json!({"email_verified": false, "xms_edov": true}),
            Refused::Unverified,
        ),
        // Cognito's access token has none of them.
        (
            json!({
                "aud": null, "token_use": "access", "client_id": "t3nets", "username": "ada",
                "email": null, "email_verified": null, "custom:tenant_id": null,
            }),
            Refused::NoTenant,
        ),
    ] {
        assert_eq!(claims_of(changes.clone()), Err(refused), "{changes}");
    }
    for fine in [
        json!({"tenant_id": "acme"}),
        json!({"tenant_id": "acme", "custom:tenant_id": null}),
        json!({"email_verified": "true"}),
        json!({"email_verified": null, "xms_edov": "1"}),
    ] {
        assert!(claims_of(fine.clone()).is_ok(), "{fine}");
    }
}

#[test]
fn tokens_of_other_types_and_sizes_are_refused_before_they_are_read() {
    let all = keys(&[P256.published("a")]);
    let of = |head: Value| verified(&P256.token(&head, &claimed()), &all);
    for (head, refused) in [
        (
            json!({"alg": "ES256", "kid": "a", "typ": "logout+jwt"}),
            Refused::Type,
        ),
        (
            json!({"alg": "ES256", "kid": "a", "crit": ["b64"]}),
            Refused::Malformed,
        ),
        (json!({"alg": "ES256", "kid": 1}), Refused::Malformed),
    ] {
        assert_eq!(of(head.clone()), Err(refused), "{head}");
    }
    for kind in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        let head = json!({"alg": "ES256", "kid": "a", "typ": kind});
        assert!(of(head).is_ok(), "{kind}");
    }
    assert_eq!(
        claims_of(json!({"padding": "x".repeat(MOST_BYTES)})),
        Err(Refused::TooLong)
    );
    assert!(claims_of(json!({"groups": vec!["team"; 300]})).is_ok());
}

#[test]
fn keys_of_t3nets_and_what_has_no_three_parts_are_no_tokens() {
    for other in [
        "",
        "t3n_swordfish",
        "a.b",
        "a.b.c.d",
        ".b.c",
        "a..c",
        "a.b.c=",
        "a.b. c",
        "é.b.c",
    ] {
        assert!(!is_jwt(other), "{other}");
    }
    assert!(is_jwt("a.b.c") && is_jwt("a.b."));
}

#[test]
fn what_is_refused_can_be_said_in_a_header() {
    for refused in [
        Refused::TooLong,
        Refused::Malformed,
        Refused::Type,
        Refused::Algorithm,
        Refused::NoKeyId,
        Refused::UnknownKey,
        Refused::Signature,
        Refused::Issuer,
        Refused::Audience,
        Refused::NoExpiry,
        Refused::Expired,
        Refused::NotYet,
        Refused::NoTenant,
        Refused::NoEmail,
        Refused::Unverified,
    ] {
        let text = refused.to_string();
        let is_fine = |letter: char| matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\');
        assert!(text.chars().all(is_fine), "{text}");
    }
}

fn some_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        proptest::collection::vec(".{0,5}", 0..3).prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_too_odd(text in "[A-Za-z0-9_.-]{0,80}|.{0,80}|[a-zA-Z0-9_-]*[.][a-zA-Z0-9_-]*[.]") {
        let _ = is_jwt(&text);
        prop_assert!(verified(&text, &keys(&[P256.published("a")])).is_err());
    }

    #[test]
    fn no_head_is_too_odd(
        name in "alg|kid|typ|crit|jwk|jku|x5c|b64|enc",
        value in some_json(),
        cut in 0..200_usize,
    ) {
        let mut head = json!({"alg": "ES256", "kid": "a"});
        head[name] = value;
        let token = format!("{}.AAAA", unsigned(&head, &claimed()));
        let all = keys(&[P256.published("a")]);
        prop_assert!(verified(&token, &all).is_err());
        let _ = verified(&token[..token.floor_char_boundary(cut)], &all);
    }

    #[test]
    fn no_claim_is_too_odd(
        name in "iss|aud|exp|nbf|iat|tenant_id|custom:tenant_id|email|email_verified|xms_edov|client_id|token_use",
        value in some_json(),
    ) {
        let _ = claims_of(json!({name: value}));
    }

    #[test]
    fn no_key_is_too_odd(name in "kty|crv|x|y|n|e|use|alg|kid|key_ops", value in some_json()) {
        let mut key = P256.published("a");
        key[name] = value;
        let token = P256.token(&json!({"alg": "ES256", "kid": "a"}), &claimed());
        let _ = verified(&token, &keys(&[key]));
    }
}
