import { assertEquals } from "@std/assert";
import { HAVE_GIT } from "../_test_support.ts";

const suffix = HAVE_GIT ? "" : " (ignored: git is not installed)";

async function run(
  command: string[],
  home: string,
  input: string,
): Promise<{ code: number; out: string; err: string }> {
  const child = new Deno.Command(command[0]!, {
    args: command.slice(1),
    cwd: home,
    env: { HOME: home, GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

const REAL = ["git"];
const OURS = [
  Deno.execPath(),
  "run",
  "-A",
  "--no-check",
  "--quiet",
  new URL("../cli.ts", import.meta.url).href,
];
const SECRET = "protocol=https\nhost=h.example:8080\nusername=me@x\npassword=a:b/c d!\n";

Deno.test({
  name: `\`git credential\` fills in, keeps and forgets as real git does${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const homes = await Promise.all([Deno.makeTempDir(), Deno.makeTempDir()]);
    try {
      const both = async (args: string[], input: string): Promise<string> => {
        const [theirs, ours] = await Promise.all([
          run([...REAL, ...args], homes[0]!, input),
          run([...OURS, ...args], homes[1]!, input),
        ]);
        assertEquals([ours.code, ours.out], [theirs.code, theirs.out], args.join(" "));
        assertEquals(ours.err.split("\n")[0], theirs.err.split("\n")[0]);
        return ours.out;
      };
      const kept = (i: number): Promise<string> =>
        Deno.readTextFile(`${homes[i]}/.git-credentials`);
      await both(["credential-store", "store"], SECRET);
      assertEquals(await kept(1), await kept(0));
      assertEquals(
        await both(["credential-store", "get"], "protocol=https\nhost=h.example:8080\n"),
        "username=me@x\npassword=a:b/c d!\n",
      );
      const helper = ["-c", "credential.helper=!f() { echo username=u; echo password=p; }; f"];
      assertEquals(
        await both([...helper, "credential", "fill"], "url=https://h.example/some/path\n"),
        "protocol=https\nhost=h.example\nusername=u\npassword=p\n",
      );
      await both(["-c", "credential.helper=", "credential", "fill"], "protocol=https\nhost=h\n");
      await both(["credential", "fill"], "host=h\n");
      await both(["credential-store", "erase"], SECRET);
      assertEquals(await kept(1), "");
    } finally {
      for (const home of homes) await Deno.remove(home, { recursive: true });
    }
  },
});
