import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { preparePassword, saslprep } from "./_saslprep.ts";
import { certificateHash, md5Password, ScramClient } from "./_scram.ts";
import { ConnectError } from "./errors.ts";

const NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST =
  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

Deno.test("`ScramClient` computes the exchange of RFC 7677, section 3", async () => {
  const client = new ScramClient("user", "pencil", NONCE, { kind: "unsupported" });
  assertEquals(client.first(), `n,,n=user,r=${NONCE}`);
  assertEquals(
    await client.final(SERVER_FIRST),
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  );
  client.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  for (
    const wrong of ["v=", "", "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "e=other", "v=%"]
  ) {
    assertThrows(() => client.verify(wrong), ConnectError);
  }
});

Deno.test("`ScramClient` refuses a malformed challenge, a foreign nonce and too many rounds", async () => {
  for (
    const challenge of [
      "",
      "r=x",
      "r=other,s=QQ==,i=4096",
      `r=${NONCE},s=QQ==,i=4096`,
      `r=${NONCE}x,s=,i=4096`,
      `r=${NONCE}x,s=QQ==,i=0`,
      `r=${NONCE}x,s=QQ==,i=9999999999`,
      `r=${NONCE}x,s=QQ==,i=2000001`,
      `r=${NONCE}x,s=QQ==,i=1e9`,
      `m=x,r=${NONCE}x,s=QQ==,i=4096`,
      `r=${NONCE}x,s=Q,i=4096`,
    ]
  ) {
    const client = new ScramClient("", "pencil", NONCE, { kind: "unsupported" });
    await assertRejects(() => client.final(challenge), ConnectError);
  }
});

Deno.test("`ScramClient` says whether it could have bound the channel", () => {
  const hash = Uint8Array.of(1, 2, 3);
  const first = (binding: ConstructorParameters<typeof ScramClient>[3]) =>
    new ScramClient("a=b,c", "x", "n", binding).first();
  assertEquals(first({ kind: "unsupported" }), "n,,n=a=3Db=2Cc,r=n");
  assertEquals(first({ kind: "unoffered" }), "y,,n=a=3Db=2Cc,r=n");
  assertEquals(first({ kind: "certificate", hash }), "p=tls-server-end-point,,n=a=3Db=2Cc,r=n");
});

Deno.test("`md5Password()` is md5 of md5 of password and name, and the salt", () => {
  assertEquals(
    md5Password("ada", "secret", Uint8Array.of(1, 2, 3, 4)),
    "md5164dbcd37c01a78e869e72965960a754",
  );
});

Deno.test("`saslprep()` gives the examples of RFC 4013, section 3", () => {
  assertEquals(saslprep("I\u00adX"), { ok: true, text: "IX" });
  assertEquals(saslprep("user"), { ok: true, text: "user" });
  assertEquals(saslprep("USER"), { ok: true, text: "USER" });
  assertEquals(saslprep("\u00aa"), { ok: true, text: "a" });
  assertEquals(saslprep("\u2168"), { ok: true, text: "IX" });
  assertEquals(saslprep("\u0007"), { ok: false, fault: "prohibited", codePoint: 7 });
  assertEquals(saslprep("\u06271"), { ok: false, fault: "bidirectional", codePoint: 0x31 });
});

Deno.test("`saslprep()` maps, normalises, and refuses by the tables of RFC 3454", () => {
  const text = (input: string) => {
    const result = saslprep(input);
    return result.ok ? result.text : `${result.fault} ${result.codePoint.toString(16)}`;
  };
  // B.1 to nothing, C.1.2 to a space.
  assertEquals(text("a\u200db\ufe00c\ufeffd"), "abcd");
  assertEquals(text("a\u00a0b\u3000c\u2003d"), "a b c d");
  // NFKC.
  assertEquals(text("e\u0301"), "\u00e9");
  assertEquals(text("\ufb01\u00b2"), "fi2");
  // C.2.1, C.2.2, C.3 to C.9.
  assertEquals(text("\u0340"), "prohibited 340");
  assertEquals(text("\u0000"), "prohibited 0");
  assertEquals(text("a\u0080"), "prohibited 80");
  assertEquals(text("\u06dd"), "prohibited 6dd");
  assertEquals(text("\ue000"), "prohibited e000");
  assertEquals(text("\ufdd0"), "prohibited fdd0");
  assertEquals(text("\u{10fffe}"), "prohibited 10fffe");
  assertEquals(text("\ud800"), "prohibited d800");
  assertEquals(text("\ufffd"), "prohibited fffd");
  assertEquals(text("\u2ff0"), "prohibited 2ff0");
  assertEquals(text("\u202a"), "prohibited 202a");
  assertEquals(text("\u{e0001}"), "prohibited e0001");
  // A.1: assigned only after Unicode 3.2.
  assertEquals(text("\u0221"), "unassigned 221");
  assertEquals(text("\u{1f600}"), "unassigned 1f600");
  // D.1 and D.2.
  assertEquals(text("\u0627\u0628"), "\u0627\u0628");
  assertEquals(text("\u06271\u0628"), "\u06271\u0628");
  assertEquals(text("\u0627a\u0628"), "bidirectional 61");
  assertEquals(text("1\u0627"), "bidirectional 31");
  assertEquals(text(""), "");
});

Deno.test("`preparePassword()` leaves what SASLprep refuses as it is", () => {
  assertEquals(preparePassword("a\u0007"), "a\u0007");
  assertEquals(preparePassword("\u2168"), "IX");
});

Deno.test("`certificateHash()` gives `undefined` for what is no certificate", () => {
  const random = new Uint8Array(64);
  for (let i = 0; i < 500; i++) {
    crypto.getRandomValues(random);
    random[0] = 0x30;
    certificateHash(random.subarray(0, i % 64));
  }
  assertEquals(certificateHash(new Uint8Array()), undefined);
  assertEquals(certificateHash(Uint8Array.of(0x30, 0x84, 255, 255, 255, 255, 0)), undefined);
});
