//! Two accounts, one checkout: each environment's state is in its own account's bucket, and nothing
//! is asked of an account but with its own credentials.

use support::aws_proxy::AwsProxy;
use support::skip_without;

use crate::deploy::Installed;
use crate::sandbox::finish;

const DEV: &str = "111111111111";
const PROD: &str = "222222222222";

/// Makes the bucket as `infra/bootstrap` does, without a provider.
const BOOTSTRAP: &str = r#"
variable "project" {}
variable "region" {}
variable "endpoint" {}

locals {
  bucket = "${var.project}-terraform-state-${terraform.workspace}"
  signed = "Credential=${terraform.workspace}/20260101/us-east-1/s3/aws4_request"
}

resource "terraform_data" "bucket" {
  provisioner "local-exec" {
    command = "curl -fsS -X PUT -H 'Authorization: AWS4-HMAC-SHA256 ${local.signed}' ${var.endpoint}/${local.bucket}"
  }
}

output "bucket" {
  value      = local.bucket
  depends_on = [terraform_data.bucket]
}

output "region" {
  value = var.region
}
"#;

const INFRA: &str = r#"
variable "environment" {}

resource "terraform_data" "made" {
  input = var.environment
}

output "environment" {
  value = terraform_data.made.output
}

"#;

const OUTPUT: &str = "output \"service_name\" {\n  value = \"t3nets-${terraform_data.made.output}-router\"\n}\noutput \"account\" {\n  value = \"";

#[test]
fn each_environment_is_in_an_account_of_its_own() {
    if ["terraform", "curl"].into_iter().any(skip_without) {
        return;
    }
    let Some(dev) = Installed::in_account("twodev", DEV) else {
        return;
    };
    let prod = Installed::in_account("twoprod", PROD).expect("the same server");
    let proxies = [DEV, PROD].map(|_| dev.runtime.block_on(AwsProxy::to(dev.url()).start()));
    let sandbox = &dev.sandbox;
    let mut profiles = String::new();
    for (account, proxy) in [DEV, PROD].iter().zip(&proxies) {
        profiles.push_str(&format!(
            "[profile in-{account}]\nregion = us-east-1\nendpoint_url = {}\naws_access_key_id = {account}\naws_secret_access_key = test\n",
            proxy.url()
        ));
    }
    sandbox.write("../.aws/config", &profiles);
    sandbox.write(
        "t3nets.toml",
        &format!(
            "[env.twodev]\nplatform = \"aws\"\nprofile = \"in-{DEV}\"\n[env.twoprod]\nplatform = \"aws\"\nprofile = \"in-{PROD}\"\n"
        ),
    );
    sandbox.write("infra/bootstrap/main.tf", BOOTSTRAP);
    sandbox.write("infra/aws/variables.tf", INFRA);
    for name in ["twodev", "twoprod"] {
        let path = format!("infra/aws/environments/{name}.tfvars");
        sandbox.write(&path, &format!("environment = \"{name}\"\n"));
    }
    let run = |name: &str, arguments: &[&str]| {
        let mut command = sandbox.command(&[arguments, &["-e", name]].concat());
        command.env("TF_VAR_endpoint", dev.url());
        finish(&mut command)
    };
    for name in ["twodev", "twoprod"] {
        run(name, &["infra", "apply", "--yes"]).expect_code(0);
    }
    for (name, account, image) in [
        ("twodev", DEV, dev.image()),
        ("twoprod", PROD, prod.image()),
    ] {
        let made = run(name, &["infra", "bootstrap", "--yes", "--json"]).expect_code(0);
        let bucket = format!("t3nets-terraform-state-{account}");
        assert_eq!(made.json()["bucket"], bucket);
        sandbox.write("infra/aws/more.tf", "");
        // The state in the folder comes along, and that of the other stays.
        run(name, &["infra", "plan", "--exit-code", "--yes"]).expect_code(0);
        sandbox.write("infra/aws/more.tf", &format!("{OUTPUT}{account}\"\n}}\n"));
        run(name, &["infra", "plan", "--exit-code"]).expect_code(8);
        run(name, &["infra", "apply", "--yes"]).expect_code(0);
        run(name, &["infra", "plan", "--exit-code"]).expect_code(0);
        let shown = run(name, &["env", "show", "--json"]).expect_code(0);
        assert!(shown.stdout.contains(&bucket), "{shown:?}");
        run(name, &["deploy", "--image", &image]).expect_code(0);
    }
    // Neither is in the other's way.
    let kept = |name| {
        run(name, &["infra", "output", "environment", "--raw"])
            .expect_code(0)
            .stdout
    };
    assert_eq!([kept("twodev"), kept("twoprod")], ["twodev", "twoprod"]);
    for (proxy, account) in proxies.iter().zip([DEV, PROD]) {
        let mut keys: Vec<_> = proxy
            .calls()
            .into_iter()
            .map(|call| call.access_key)
            .collect();
        assert!(keys.len() > 20, "{keys:?}");
        // A registry is asked with a token, which has no key.
        keys.retain(|key| !key.is_empty());
        keys.dedup();
        assert_eq!(keys, [account]);
    }

    // Terraform itself refuses another account's credentials.
    let toml = format!("[env.twoprod]\nplatform = \"aws\"\nprofile = \"in-{DEV}\"\n");
    sandbox.write("t3nets.toml", &toml);
    let refused = run("twoprod", &["infra", "plan"]).expect_code(1);
    assert!(refused.stderr.contains(DEV), "{refused:?}");
}
