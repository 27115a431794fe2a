//! What is deployed to.

/// The names of an environment on AWS that a deploy needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployTarget {
    /// The environment's name.
    pub environment: String,
    /// The ECS cluster.
    pub cluster: String,
    /// The ECS service.
    pub service: String,
    /// The router's container in the task definition.
    pub container: String,
    /// The image repository, without a tag.
    pub repository: String,
    /// The router's log group.
    pub log_group: String,
    /// The load balancer's target group, if there is one.
    pub target_group_arn: Option<String>,
    /// Where the API answers, if that is known.
    pub api_endpoint: Option<String>,
    /// The table with lock and releases.
    pub tenants_table: String,
    /// The revision that Terraform registered last, if its state says.
    pub template_arn: Option<String>,
    /// The bounds of autoscaling, where it is on.
    pub autoscaling: Option<(i32, i32)>,
}
