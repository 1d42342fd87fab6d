import assert from "node:assert/strict";

import { parseTemplate } from "../../../../cli/output/go-template.js";
import { renderListing } from "../../../../cli/output/listing.js";

const DATA = {
  Id: "abc",
  Name: "/box",
  State: { Pid: 42, Running: true, Error: "" },
  Layers: ["a", "b"],
  Labels: { one: "1", two: "2" },
  Mounts: [
    { Source: "/x", RW: true },
    { Source: "/y", RW: false },
  ],
  Cmd: null,
};

describe("templates of --format", () => {
  const renders = (template: string, expected: string): void => {
    assert.equal(parseTemplate(template)(DATA), expected, template);
  };

  it("fields, and values as Go prints them", () => {
    renders("{{.State.Pid}} {{ .Name }}", "42 /box");
    renders("{{.Layers}}{{.Labels}}{{.Cmd}}{{.State.Running}}", "[a b]map[one:1 two:2]<no value>true");
    renders("no action", "no action");
    renders("a {{- .Id -}}  b{{/* comment */}}", "aabcb");
  });

  it("functions and pipelines", () => {
    renders(
      '{{json .Labels}} {{len .Layers}} {{index .Labels "one"}} {{index .Layers 1}}',
      '{"one":"1","two":"2"} 2 1 b',
    );
    renders(`{{join .Layers ", "}} {{.Name | upper}}`, "a, b /BOX");
    renders(
      `{{.Layers | len | eq 2}} {{eq .Id "abc" | not}} {{index .Mounts 1 | json}}`,
      `true false {"Source":"/y","RW":false}`,
    );
    renders("{{println .Id (len .Layers)}}", "abc 2\n");
    renders("{{and .State.Running .Id}} {{or .State.Error `none }}`}}", "abc none }}");
  });

  it("if, else, with and range", () => {
    renders("{{if .State.Running}}up{{else}}down{{end}} {{if .State.Error}}x{{else if .Cmd}}y{{else}}z{{end}}", "up z");
    renders("{{range .Mounts}}{{.Source}}{{if .RW}}+{{end}} {{end}}", "/x+ /y ");
    renders(
      "{{range $name, $value := .Labels}}{{$name}}={{$value}};{{end}}{{with .State}}{{.Pid}} {{$.Id}}{{end}}",
      "one=1;two=2;42 abc",
    );
    renders("{{range .Cmd}}x{{else}}nothing{{end}}", "nothing");
  });

  it("what is not understood is refused", () => {
    for (const template of [
      "{{.A",
      "{{}}",
      "{{.Id",
      "{{nosuch .Id}}",
      "{{if .Id}}",
      "{{end}}",
      "{{.Id .Name}}",
      "{{(.Id}}",
      "{{|}}",
    ]) {
      assert.throws(() => parseTemplate(template), { code: "USAGE" }, template);
    }
    for (const template of ["{{.Nosuch}}", "{{.State.Nosuch}}", "{{.Id.Nosuch}}", "{{.constructor}}"]) {
      assert.throws(() => parseTemplate(template)(DATA), { code: "USAGE" }, template);
    }
  });
});

describe("lists in a --format", () => {
  const headings = { ID: "IMAGE ID", Tag: "TAG" };
  const rows = [{ ID: "1", Tag: "latest" }];

  it("a line of JSON, a template for each row, or a table with headings", () => {
    assert.equal(renderListing("json", headings, rows), '{"ID":"1","Tag":"latest"}\n');
    assert.equal(renderListing("{{.ID}}:{{.Tag}}", headings, rows), "1:latest\n");
    assert.equal(renderListing("table {{.Tag}}\\t{{.ID}}", headings, rows), "TAG       IMAGE ID\nlatest    1\n");
  });
});
