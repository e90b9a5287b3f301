package template_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/stack"
	"github.com/podlike/podlike/internal/template"
)

// changed is an option of a test.
func changed(change func(o *template.Options)) func(o *template.Options) { return change }

// Of a hundred renders each has the same bytes, in whatever order Go walks its maps.
func TestAHundredRendersAreEqual(t *testing.T) {
	for _, name := range []string{"Needs", "Stack", "UseList"} {
		for _, s := range scenes(t, "testdata/kinds.txt") {
			if s.name != name {
				continue
			}
			first, found := renderOf(s.files)
			if first == "" {
				t.Fatalf("%s: %q", name, found)
			}
			for range 100 {
				if got, _ := renderOf(s.files); got != first {
					t.Fatalf("%s: another time it is %s", name, cmp.Diff(first, got))
				}
			}
		}
	}
}

// The shop's three lines are the stack that is written by hand, as pods are compared and as the rest is.
func TestTheShopInThreeLinesIsTheShop(t *testing.T) {
	dir := "../../deploy/examples/sidecar/"
	files := map[string]string{
		"s.yml":                 dir + "stack.template.yml",
		"../../kinds/cache.yml": "../../deploy/kinds/cache.yml",
	}
	for name, file := range files {
		files[name] = readFile(t, file)
	}
	got, found := renderOf(files, func(o *template.Options) { o.Version = "dev" })
	if len(found) > 0 {
		t.Fatalf("found %q", found)
	}
	gotPods, gotRest := pods(t, got)
	wantPods, wantRest := pods(t, readFile(t, dir+"stack.yml"))
	if diff := cmp.Diff(wantPods, gotPods); diff != "" {
		t.Error(diff)
	}
	rest := gotRest.(map[string]any)["configs"].(map[string]any)["proxy"].(map[string]any)
	if rest["file"] != "../examples/sidecar/proxy.conf" && rest["file"] != "../../examples/sidecar/proxy.conf" {
		t.Errorf("the configuration is %v", rest["file"])
	}
	rest["file"] = "./proxy.conf"
	if diff := cmp.Diff(wantRest, gotRest); diff != "" {
		t.Error(diff)
	}
}

const arguments = `
x-podlike: {args: {a: all}}
services:
  web:
    image: web
    x-podlike: {args: {a: own, deep: {b: own}}, templates: {inline: 's: {image: "s:{{ .Args.a }}-{{ .Args.deep.b }}"}'}}
  api:
    image: api
    x-podlike: {args: {deep: {b: own}}, templates: {inline: 's: {image: "s:{{ .Args.a }}-{{ .Args.deep.b }}"}'}}
`

func TestArgumentsOfTheCommandLineAreTheStrongest(t *testing.T) {
	for set, want := range map[string]string{
		"":                  "s:own-own s:all-own",
		"a=set":             "s:set-own s:set-own",
		"deep.b=1.10":       "s:own-1.10 s:all-1.10",
		"web.a=set":         "s:set-own s:all-own",
		"a=1 api.a=2":       "s:1-own s:2-own",
		"api.deep.b=x=y":    "s:own-own s:all-x=y",
		"web.a=a web.a=b":   "s:b-own s:all-own",
		"a={x web.deep.b=c": "s:{x-c s:{x-own",
	} {
		got, found := renderOf(map[string]string{"s.yml": arguments}, func(o *template.Options) { o.Set = strings.Fields(set) })
		var images []string
		for line := range strings.Lines(got) {
			if image, is := strings.CutPrefix(strings.TrimSpace(line), "image: "); is && strings.Contains(image, "s:") && strings.Contains(image, "-") {
				images = append(images, strings.Trim(image, `"`))
			}
		}
		if diff := cmp.Diff(want, strings.Join(images, " ")); diff != "" || len(found) > 0 {
			t.Errorf("-set %s: %q %s\n%s", set, found, diff, got)
		}
	}
	for _, wrong := range []string{"a", ".a=b", "=b", "web.=c"} {
		if got, found := renderOf(map[string]string{"s.yml": arguments}, func(o *template.Options) { o.Set = []string{wrong} }); len(found) != 1 || got != "" {
			t.Errorf("-set %s: found %q", wrong, found)
		}
	}
}

// A value goes through the template and through the deploy, and its variables are resolved once.
func TestDollarsReachTheComponentOnce(t *testing.T) {
	const text = `
services:
  web:
    image: "web:${TAG}"
    environment: {A: 'a$$b${X}'}
    env_file: [a.env]
    ports: [{target: 80, published: "${PORT}"}]
    deploy: {replicas: $N}
    x-podlike:
      args: {c: "${X}"}
      templates: {inline: {side: {image: "side:${TAG}", environment: {B: '{{ $a := .Service.environment.A }}{{ $a }}', C: '{{ .Args.c }}'}}}}
x-else: {e: $, f: $$}
`
	variables := map[string]string{"TAG": "7", "X": "its $5", "PORT": "8080", "N": "2"}
	files := map[string]string{"s.yml": text, "a.env": "D=$X $$\n"}
	for _, now := range []bool{false, true} {
		got, found := renderOf(files, changed(func(o *template.Options) { o.Machine, o.Variables = on(files, variables), now }))
		if len(found) > 0 {
			t.Fatalf("found %q", found)
		}
		if !strings.Contains(got, "\nx-else: {e: $, f: $$}\n") {
			t.Errorf("extensions have changed in\n%s", got)
		}
		got = strings.ReplaceAll(got, "e: $,", "")
		left := strings.Contains(strings.ReplaceAll(got, "$$", ""), "$") || !strings.Contains(got, "published: 8080") || !strings.Contains(got, "replicas: 2")
		if now && left {
			t.Errorf("a variable is left in\n%s", got)
		}
		deployed, findings := stack.Read("s.yml", compose.Own{
			Lookup: func(name string) (string, bool) { value, is := variables[name]; return value, is && !now }, ReadFile: func(string) ([]byte, error) { return []byte(got), nil },
		})
		if len(findings) > 0 || len(deployed) != 1 {
			t.Fatalf("found %q in\n%s", lines(findings), got)
		}
		app, side := deployed[0].Components[0], deployed[0].Components[1]
		want := map[string]string{"A": "a$bits $5", "D": "$X $$"}
		if diff := cmp.Diff(want, app.Env); diff != "" || app.Image != "web:7" {
			t.Errorf("resolved now %v: %s %s", now, app.Image, diff)
		}
		want = map[string]string{"B": "a$bits $5", "C": "its $5"}
		if diff := cmp.Diff(want, side.Env); diff != "" || side.Image != "side:7" {
			t.Errorf("resolved now %v: %s %s", now, side.Image, diff)
		}
	}
}

// Paths are told from where the output lies.
func TestRelativePathsAreThoseOfTheOutput(t *testing.T) {
	files := map[string]string{
		"dir/s.yml": "services: {web: {image: web, x-podlike: {}}, db: {image: db, env_file: [a.env, ./b.env], volumes: ['./d:/d', 'e:/e']}}\n" +
			"configs: {a: {file: ./a.conf}, b: {file: ../b.conf}, c: {file: /c.conf}, d: {file: '${D}/d.conf'}, e: {external: true}}\nsecrets: {s: {file: s}}\n",
	}
	for out, want := range map[string]string{
		"":        "./dir/a.env ./dir/b.env ./dir/d:/d e:/e ./dir/a.conf ./b.conf /c.conf ${D}/d.conf ./dir/s",
		"dir":     "./a.env ./b.env ./d:/d e:/e ./a.conf ../b.conf /c.conf ${D}/d.conf ./s",
		"dir/sub": "../a.env ../b.env ../d:/d e:/e ../a.conf ../../b.conf /c.conf ${D}/d.conf ../s",
		"other":   "../dir/a.env ../dir/b.env ../dir/d:/d e:/e ../dir/a.conf ../b.conf /c.conf ${D}/d.conf ../dir/s",
		"/x":      "/here/dir/a.env /here/dir/b.env /here/dir/d:/d e:/e /here/dir/a.conf /here/b.conf /c.conf ${D}/d.conf /here/dir/s",
	} {
		got, found := renderOf(files, func(o *template.Options) { o.Files, o.Machine, o.Out = []string{"dir/s.yml"}, on(files, nil), out })
		if len(found) > 0 {
			t.Fatalf("found %q", found)
		}
		if out == "/x" { // any way from there to here will do
			continue
		}
		for _, path := range strings.Fields(want) {
			if !strings.Contains(got, path) {
				t.Errorf("for %q there is no %s in\n%s", out, path, got)
			}
		}
	}
}

// Files are merged as docker stack deploy -c A -c B does.
func TestLaterFilesAreStronger(t *testing.T) {
	files := map[string]string{
		"a.yml": `
services:
  web: {image: web, command: [a, b], environment: [A=1, B=1], ports: ["80:80"], volumes: ["a:/a", "b:/b"], networks: [n], deploy: {replicas: 1, labels: {a: b}}, x-podlike: [log]}
  base: {image: base, environment: {E: base, F: base}}
x-podlike-kinds: {log: {templates: {inline: {log: {image: "log:{{ .Args.v }}"}}}}}
x-podlike: {args: {v: 1}}
networks: {n: {}}
`,
		"dir/b.yml": `
version: "3.9"
services:
  web: {image: other, command: [c], environment: {B: 2, C: 2}, ports: ["81:80"], volumes: ["c:/a"], deploy: {replicas: 2}, user: !reset null, labels: !override {x: y}}
  more: {extends: {service: base, file: base.yml}, environment: {F: more}}
  own: {extends: base, image: own}
x-podlike: {args: {v: 2}}
include: [inc.yml]
`,
		"dir/base.yml": "services: {base: {image: file, environment: {G: file}, env_file: [g.env]}}",
		"dir/inc.yml":  "services: {inc: {image: inc}, web: {image: weak, hostname: inc}}\nconfigs: {c: {file: c.conf}}",
	}
	got, found := renderOf(files, func(o *template.Options) { o.Files, o.Machine = []string{"a.yml", "dir/b.yml"}, on(files, nil) })
	if len(found) > 0 {
		t.Fatalf("found %q", found)
	}
	gotPods, gotRest := pods(t, got)
	wantPods, wantRest := pods(t, prelude+`
services:
  web:
    <<: *sup
    hostname: inc
    volumes: ["/var/run/docker.sock:/var/run/docker.sock", "c:/a", "b:/b"]
    ports: ["81:80"]
    networks: [n]
    deploy: {replicas: 2, labels: {a: b}}
    labels:
      x: y
      pod.component.app: '{image: other, command: [c], environment: {A: "1", B: "2", C: "2"}, volumes: ["c:/a", "b:/b"], labels: {x: y}}'
      pod.component.log: 'image: log:2'
  base: {image: base, environment: {E: base, F: base}}
  inc: {image: inc}
  more: {image: file, environment: {G: file, F: more}, env_file: [./dir/g.env]}
  own: {image: own, environment: {E: base, F: base}}
networks: {n: {}}
configs: {c: {file: ./dir/c.conf}}
`)
	if diff := cmp.Diff(wantPods, gotPods); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantRest, gotRest); diff != "" {
		t.Errorf("%s\n%s", diff, got)
	}
	if !strings.HasPrefix(got, "version: \"3.9\"\n") {
		t.Errorf("the version is another one in\n%s", got)
	}
}

// What another file says has its paths from where that file is.
func TestPathsOfOtherFilesStartThere(t *testing.T) {
	files := map[string]string{
		"dir/s.yml":        "include: [inc/i.yml]\nservices: {web: {extends: {service: base, file: sub/base.yml}, x-podlike: {}}}\n",
		"dir/sub/base.yml": "services: {base: {image: web, env_file: a.env, volumes: ['./d:/d']}}\n",
		"dir/sub/a.env":    "A=1\n",
		"dir/inc/i.yml":    "services: {inc: {image: inc, x-podlike: {templates: t.yml}}}\nconfigs: {c: {file: c.conf}}\n",
		"dir/inc/t.yml":    "side: {image: side}\n",
	}
	for _, dir := range []string{"dir", "/here/dir", "../here/dir"} {
		seen := map[string]string{}
		for name, text := range files {
			seen[strings.Replace(name, "dir", dir, 1)] = text
		}
		got, found := renderOf(seen, func(o *template.Options) { o.Files, o.Machine, o.Out = []string{dir + "/s.yml"}, on(seen, nil), dir })
		if len(found) > 0 {
			t.Fatalf("%s: found %q", dir, found)
		}
		for _, want := range []string{"A: \"1\"", "dir/sub/d:/d", "file: ./inc/c.conf", "pod.component.side"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: there is no %s in\n%s", dir, want, got)
			}
		}
	}
}

func TestExplainSaysWhoWon(t *testing.T) {
	const text = `x-podlike-kinds: {k: {templates: {inline: {s: {image: weak, mem_limit: 64m}}}}}
services:
  web:
    image: web
    environment: {A: own}
    x-podlike:
      use: [k]
      transformer: {inline: {app: {environment: {A: template, B: template}}}}
      templates: {inline: {s: {image: strong}}}
`
	result, _ := template.Render(template.Options{Files: []string{"s.yml"}, Machine: on(map[string]string{"s.yml": text}, nil)})
	got, found := result.Explain("web")
	if !found {
		t.Fatal("there is no such pod")
	}
	for _, want := range []string{
		"services.web: pod.component.app\n  image: s.yml:4:12\n",
		"  environment.A: s.yml:5:22, over s.yml:8:53 (services.web: transformer) with \"template\"\n",
		"  environment.B: s.yml:8:66 (services.web: transformer)\n",
		"services.web: pod.component.s\n  image: s.yml:9:39 (services.web: templates), over s.yml:1:55 (x-podlike-kinds.k: templates) with \"weak\"\n",
		"  mem_limit: s.yml:1:72 (x-podlike-kinds.k: templates)\n",
		"services.web\n  image: default\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no\n%sin\n%s", want, got)
		}
	}
	if _, found := result.Explain("db"); found {
		t.Error("a service that is no pod is explained")
	}
}

// What is wrong with a component is told where a template, or the stack, says it.
func TestProblemsOfComponentsHaveTheLineOfTheTemplate(t *testing.T) {
	files := map[string]string{
		"s.yml": `services:
  web:
    image: web
    mem_limit: much
    x-podlike:
      templates:
        - t/side.yml
        - inline: |
            more:
              image: more
              portss: [80]
`,
		"t/side.yml": "# the side\nside:\n  image: 'side {{ .Name }}'\n  ports: [80]\n",
	}
	own := on(files, nil)
	from := template.File{Name: "s.yml", Own: compose.Own{Lookup: own.Lookup, ReadFile: own.ReadFile}}
	_, findings := from.Read()
	want := []string{
		"s.yml:11:15: services.web: pod.component.more: portss: ",
		"s.yml:4:5: services.web: pod.component.app: mem_limit: ",
		"t/side.yml:3:3: services.web: pod.component.side: image: ",
		"t/side.yml:4:3: services.web: pod.component.side: ports: ",
	}
	got := lines(findings)
	slices.Sort(got)
	if len(got) != len(want) {
		t.Fatalf("found %q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("found %s, want %s...", got[i], want[i])
		}
	}
	files["s.yml"] = "services: {web: {labels: {pod.component.app: '{image: a}'}}}"
	if pods, _ := from.Read(); len(pods) != 1 {
		t.Error("a stack without templates is not read")
	}
}

func TestAFetchedTemplateIsWhatItsChecksumSays(t *testing.T) {
	const sum = "c8bf8a50d091ada0daf273ecf711159cb52ffe61c357d81da8034bc98a205c24" // of side: {image: a}, hashed elsewhere
	asked := 0
	text := "services: {web: {image: web, x-podlike: {templates: {http: {url: 'https://t/s.yml', sha256: " + sum + "}}}}}"
	got, found := renderOf(map[string]string{"s.yml": text}, func(o *template.Options) {
		o.Fetch = func(url string, insecure bool) ([]byte, error) { asked++; return []byte("web: {image: a}\n"), nil }
	})
	if len(found) > 0 || !strings.Contains(got, "pod.component.web") || asked != 1 {
		t.Errorf("found %q, asked %d times, printed\n%s", found, asked, got)
	}
}

// FuzzRender renders any stack: it does not panic, prints nothing along with a problem, prints the
// same twice, and the result of the result is itself.
func FuzzRender(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 4 {
		f.Fatalf("no seeds: %v", err)
	}
	beside := map[string]string{"t/side.yml": "side: {image: 'side:{{ .Args.v }}'}\n", "a.env": "A=1\nB\n"}
	for _, file := range files {
		for _, s := range scenes(&testing.T{}, file) {
			if s.files["s.yml"] != "" {
				f.Add(s.files["s.yml"], "")
			}
		}
	}
	f.Add(arguments, "web.a=b")
	f.Fuzz(func(t *testing.T, text, set string) {
		all := maps.Clone(beside)
		all["s.yml"] = text
		with := func(o *template.Options) { o.Set = strings.Fields(set) }
		got, found := renderOf(all, with)
		problem := slices.ContainsFunc(found, func(line string) bool { return !strings.Contains(line, ": warning: ") })
		if problem != (got == "") {
			t.Errorf("found %q, and printed %q", found, got)
		}
		if strings.Contains(got, "<no value>") && !strings.Contains(text, "<no value>") {
			t.Errorf("there is no value in\n%s", got)
		}
		if again, _ := renderOf(all, with); again != got {
			t.Errorf("another time it is another one: %s", cmp.Diff(got, again))
		}
		if got == "" || strings.Contains(got, "x-podlike") {
			return
		}
		if again, found := renderOf(map[string]string{"s.yml": got}); again != got {
			t.Errorf("the result of the result is another one: %q %s", found, cmp.Diff(got, again))
		}
	})
}
