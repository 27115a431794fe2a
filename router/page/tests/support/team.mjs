// A router with a team's admin, who has a key, and a Jira that the test drives.
import { Jira } from "./jira.mjs";
import { Router } from "./router.mjs";

export async function startTeam() {
  const router = await Router.start([]);
  await router.run("tenant", "add-user", "--email", "ada@acme.example", "--role", "admin", "--name", "Ada Lovelace");
  router.key = (await router.run("key", "create", "ada@acme.example", "--quiet")).trim();
  router.jira = await Jira.start();
  const end = router.end.bind(router);
  router.end = async () => {
    await router.jira.end();
    await end();
  };
  return router;
}
