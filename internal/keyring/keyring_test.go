package keyring_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/keyring"
	"github.com/podlike/podlike/internal/pod"
)

const hubKey = "https://index.docker.io/v1/"

// b64 is the auth of an entry.
func b64(userAndPassword string) string {
	return base64.StdEncoding.EncodeToString([]byte(userAndPassword))
}

// write writes a file of a test's own.
func write(t testing.TB, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// read reads texts as so many files, which all have to be good.
func read(t testing.TB, texts ...string) keyring.Keyring {
	t.Helper()
	var names []string
	for i, text := range texts {
		names = append(names, write(t, fmt.Sprintf("%d.json", i), text))
	}
	k, err := keyring.Read(names...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// auths is a file with an entry for each key; the user is the key's own.
func auths(users map[string]string) string {
	var entries []string
	for key, user := range users {
		entries = append(entries, fmt.Sprintf("%q: {%q: %q}", key, "auth", b64(user+":p")))
	}
	return fmt.Sprintf(`{"auths": {%s}}`, strings.Join(entries, ","))
}

func TestARegistryIsFoundByTheNameOfItsImage(t *testing.T) {
	for name, c := range map[string]struct {
		why, image, key string
		server          string // empty: nothing is found
	}{
		"Library":           {"a name alone is Docker Hub's", "nginx", hubKey, hubKey},
		"LibraryTag":        {"a tag is no part of the registry", "nginx:1.22", hubKey, hubKey},
		"LibraryFull":       {"the long form is the same", "docker.io/library/nginx:1", hubKey, hubKey},
		"User":              {"so is an image of a user's", "me/app", hubKey, hubKey},
		"UserTag":           {"with a tag", "me/app:2", hubKey, hubKey},
		"UserDigest":        {"with a digest", "me/app@sha256:" + strings.Repeat("a", 64), hubKey, hubKey},
		"TagAndDigest":      {"with both", "me/app:2@sha256:" + strings.Repeat("a", 64), hubKey, hubKey},
		"OldHub":            {"Docker Hub's old host is Docker Hub", "index.docker.io/me/app", hubKey, hubKey},
		"HubNoSlash":        {"its key is found without the last slash", "nginx", "https://index.docker.io/v1", hubKey},
		"HubHost":           {"or as other tools write it", "nginx", "docker.io", hubKey},
		"HubV2":             {"or as what it is asked at", "nginx", "https://registry-1.docker.io/v2/", hubKey},
		"Host":              {"a host with a dot is a registry", "registry.example/app:1", "registry.example", "registry.example"},
		"HostPath":          {"however deep the image is", "registry.example/a/b/c/app:1", "registry.example", "registry.example"},
		"Port":              {"a port belongs to the registry", "registry.example:5000/app:1", "registry.example:5000", "registry.example:5000"},
		"PortOnly":          {"so a host with a port needs no dot", "reg:5000/app", "reg:5000", "reg:5000"},
		"Localhost":         {"localhost is a registry", "localhost/app", "localhost", "localhost"},
		"Address":           {"an address is one too", "127.0.0.1:5000/a/b@sha256:" + strings.Repeat("b", 64), "127.0.0.1:5000", "127.0.0.1:5000"},
		"Scheme":            {"keys may have a scheme", "registry.example:5000/app", "https://registry.example:5000", "registry.example:5000"},
		"SchemePath":        {"and a path", "registry.example/app", "http://registry.example/v1/", "registry.example"},
		"PathOnly":          {"or a path only", "registry.example/team/app", "registry.example/team", "registry.example"},
		"OtherPort":         {"another port is another registry", "registry.example:5001/app", "registry.example:5000", ""},
		"NoPort":            {"and so is none", "registry.example/app", "registry.example:5000", ""},
		"OtherHost":         {"part of a host is not the host", "evil.example/app", "example", ""},
		"Longer":            {"nor is a longer one", "registry.example.evil.example/app", "registry.example", ""},
		"NotHub":            {"Docker Hub's credential is nobody else's", "registry.example/docker.io/app", hubKey, ""},
		"NotTheHubs":        {"and it gets nobody else's", "registry.example:5000", "registry.example:5000", ""},
		"NoName":            {"what is no name has no registry", "Not An Image", hubKey, ""},
		"ID":                {"an image's ID has none either", strings.Repeat("a", 64), hubKey, ""},
		"LibraryWithAtSign": {"a user in a key is none of the host", "registry.example/app", "https://me:pw@registry.example/", "registry.example"},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, auths(map[string]string{c.key: "me"})).For(c.image)
			want := engine.Credential{}
			if c.server != "" {
				want = engine.Credential{Server: c.server, Username: "me", Password: "p"}
			}
			if got.Credential != want {
				t.Errorf("%s: %s under the key %s: got %+v for user %q", c.why, c.image, c.key, got, got.Username)
			}
		})
	}
}

func TestTheKeyThatDockerWritesCountsMost(t *testing.T) {
	for why, c := range map[string]struct{ image, exact, other string }{
		"Docker Hub":         {"nginx", hubKey, "docker.io"},
		"a key with a path":  {"r.example/a", "r.example", "http://r.example/v1/"},
		"a key with a https": {"r.example:1/a", "r.example:1", "https://r.example:1"},
	} {
		for range 10 { // a mapping has no order
			got := read(t, auths(map[string]string{c.exact: "right", c.other: "wrong"})).For(c.image)
			if got.Username != "right" {
				t.Fatalf("%s: got the credential of the other key", why)
			}
		}
	}
}

func TestEachFormOfAnEntryIsUnderstood(t *testing.T) {
	for name, c := range map[string]struct {
		why, entry string
		want       engine.Credential
	}{
		"Plain":     {"user and password", `{"username": "u", "password": "p"}`, engine.Credential{Username: "u", Password: "p"}},
		"Auth":      {"both in base64", `{"auth": "` + b64("u:p") + `"}`, engine.Credential{Username: "u", Password: "p"}},
		"Colons":    {"only the first colon divides", `{"auth": "` + b64("u:p:q:") + `"}`, engine.Credential{Username: "u", Password: "p:q:"}},
		"NoPass":    {"a password may be empty", `{"auth": "` + b64("u:") + `"}`, engine.Credential{Username: "u"}},
		"Padded":    {"old files are padded with zeros", `{"auth": "` + b64("u:p\x00\x00") + `"}`, engine.Credential{Username: "u", Password: "p"}},
		"AuthFirst": {"auth counts more, as in Docker", `{"auth": "` + b64("u:p") + `", "username": "x", "password": "y"}`, engine.Credential{Username: "u", Password: "p"}},
		"Identity":  {"a token in place of a password", `{"identitytoken": "tok"}`, engine.Credential{IdentityToken: "tok"}},
		"Both":      {"as a login with a token leaves it", `{"auth": "` + b64("00000000:") + `", "identitytoken": "tok"}`, engine.Credential{Username: "00000000", IdentityToken: "tok"}},
		"Registry":  {"a token for the registry itself", `{"registrytoken": "tok"}`, engine.Credential{RegistryToken: "tok"}},
		"Unknown":   {"other keys mean nothing", `{"username": "u", "password": "p", "email": "e", "more": {"a": [1]}}`, engine.Credential{Username: "u", Password: "p"}},
		"Unicode":   {"any text is a password", `{"username": "u", "password": "pä\u0000ss\n"}`, engine.Credential{Username: "u", Password: "pä\x00ss\n"}},
		"Empty":     {"Docker leaves these where a helper has the credential", `{}`, engine.Credential{}},
		"Null":      {"and null is as empty", `null`, engine.Credential{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, `{"auths": {"r.example": `+c.entry+`}, "HttpHeaders": {"User-Agent": "x"}, "plugins": []}`).For("r.example/app")
			if c.want != (engine.Credential{}) {
				c.want.Server = "r.example"
			}
			if got.Credential != c.want {
				t.Errorf("%s: got user %q, password %q, tokens %q %q", c.why, got.Username, got.Password, got.IdentityToken, got.RegistryToken)
			}
		})
	}
}

func TestTheSecretWinsOverDockersOwnFile(t *testing.T) {
	secret := auths(map[string]string{"a.example": "secret"})
	config := auths(map[string]string{"a.example": "config", "https://b.example/v1/": "config"})
	k := read(t, secret, config)
	for image, user := range map[string]string{"a.example/x": "secret", "b.example/x": "config", "c.example/x": ""} {
		if got := k.For(image); got.Username != user || got.Given() != (user != "") {
			t.Errorf("%s: got user %q, want %q", image, got.Username, user)
		}
	}
	if got := read(t, `{"credsStore": "pass"}`, auths(map[string]string{"a.example": "config"})).For("a.example/x"); got.Username != "config" {
		t.Error("a helper that cannot run was preferred to a credential that is there")
	}
}

func TestTheFilesAreTheSecretFirst(t *testing.T) {
	run := "/run/secrets/podlike/dockerregistryauth.json"
	for dir, want := range map[string][]string{
		"":     {keyring.Secret, run},
		"/cfg": {keyring.Secret, run, "/cfg/config.json"},
	} {
		if diff := cmp.Diff(want, keyring.Files(dir)); diff != "" {
			t.Errorf("with DOCKER_CONFIG=%q:\n%s", dir, diff)
		}
	}
}

func TestFilesThatAreNotThereAreNoProblem(t *testing.T) {
	k, err := keyring.Read(filepath.Join(t.TempDir(), "none.json"))
	if err != nil || k.For("nginx").Given() {
		t.Errorf("got %v, and a credential: %v", err, k.For("nginx").Given())
	}
}

func TestAdviceSaysWhereToPutOrCorrectCredentials(t *testing.T) {
	helpers := `{"auths": {"r.example": {}}, "credHelpers": {"r.example": "ecr-login", "https://index.docker.io/v1/": "hub"}, "credsStore": "pass"}`
	given, helped := write(t, "given.json", auths(map[string]string{"r.example": "me"})), write(t, "helped.json", helpers)
	for _, c := range []struct {
		why, image, file string
		want             []string
	}{
		{"what was refused is in a file", "r.example/a", given, []string{given, "r.example", "correct them"}},
		{"there is nothing for this one", "q.example:1/a", given, []string{"no credentials for q.example:1", keyring.Secret}},
		{"a helper has it", "r.example/a", helped, []string{helped, "helper ecr-login", keyring.Secret}},
		{"a helper has Docker Hub's", "nginx", helped, []string{"docker.io", "helper hub", keyring.Secret}},
		{"a helper has all others", "q.example/a", helped, []string{"q.example", "helper pass", keyring.Secret}},
	} {
		k, err := keyring.Read(c.file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if advice := k.For(c.image).Advice(); !strings.Contains(advice, want) {
				t.Errorf("%s: %q does not say %q", c.why, advice, want)
			}
		}
	}
}

func TestABadFileIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		why, text string
		want      []string // without the file's name
	}{
		"Empty":     {"an empty secret is a mistake", " \n", []string{"is empty; must be JSON in the form of Docker's config.json"}},
		"NoJSON":    {"the place is told, not what is there", "{\n  \"auths\": hunter2\n}", []string{"is not JSON: line 2, column 12"}},
		"Cut":       {"a file that ends too early", `{"auths": {`, []string{"is not JSON: line 1, column 11"}},
		"Trailing":  {"text after the end", `{"auths": {}} hunter2`, []string{"is not JSON: line 1, column 15"}},
		"YAML":      {"another language", "auths:\n  r.example: {}\n", []string{"is not JSON: line 1, column 1"}},
		"Mark":      {"what some editors put first", "\ufeff{}", []string{"begins with a byte order mark (U+FEFF), which no JSON has; save it as UTF-8 without one"}},
		"UTF16":     {"what others write", "\xff\xfe{\x00}\x00", []string{"is UTF-16 and not UTF-8; save it as UTF-8"}},
		"Latin1":    {"a password that would become another", "{\"auths\": {\"r.example\":\n {\"username\": \"u\", \"password\": \"\xe4\"}}}", []string{"line 2, column 33: a byte that is no part of UTF-8; save the file as UTF-8"}},
		"List":      {"a list is no mapping", `["hunter2"]`, []string{"must be a mapping, in the form of Docker's config.json"}},
		"AuthsList": {"auths are a mapping too", `{"auths": ["hunter2"]}`, []string{"auths: must be a mapping"}},
		"Entry":     {"so is each of them", `{"auths": {"r.example": "hunter2"}}`, []string{"auths: r.example: must be a mapping, in the form of Docker's config.json"}},
		"Number":    {"a number is no password", `{"auths": {"r.example": {"username": "u", "password": 3141592}}}`, []string{"auths: r.example: password: must be a string"}},
		"Base64":    {"auth is base64", `{"auths": {"r.example": {"auth": "hunter2!"}}}`, []string{"auths: r.example: auth: must be base64"}},
		"Colon":     {"auth has a colon in it", `{"auths": {"r.example": {"auth": "` + b64("hunter2") + `"}}}`, []string{"auths: r.example: auth: must be user:password in base64"}},
		"User":      {"and a user before it", `{"auths": {"r.example": {"auth": "` + b64(":hunter2") + `"}}}`, []string{"auths: r.example: auth: must be user:password in base64"}},
		"All": {"all that is wrong is told at once", `{"auths": {"b.example": {"auth": "!"}, "a.example": {"username": []}, "c.example": {}}}`,
			[]string{"auths: a.example: username: must be a string", "auths: b.example: auth: must be base64"}},
		"KeyWithPassword": {"a user in a key is not repeated", `{"auths": {"https://me:hunter2@r.example/v1/": {"auth": "!"}}}`, []string{"auths: r.example: auth: must be base64"}},
	} {
		t.Run(name, func(t *testing.T) {
			name := write(t, "auth.json", c.text)
			_, err := keyring.Read(filepath.Join(t.TempDir(), "none"), name)
			var problems pod.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("%s: got %v", c.why, err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, strings.TrimPrefix(p.String(), name+": "))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
			for _, secret := range []string{"hunter", "3141", b64("hunter2"), b64(":hunter2")} {
				if strings.Contains(strings.Join(got, "\n"), secret) { // the file's name is anything
					t.Errorf("the error tells a secret: %v", err)
				}
			}
		})
	}
}

func TestAFileThatCannotBeReadIsTold(t *testing.T) {
	dir := t.TempDir() // what docker run -v makes of a file that is not there
	_, err := keyring.Read(dir)
	if want := dir + ": cannot be read: is a directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNobodyPrintsASecretByMistake(t *testing.T) {
	k := read(t, `{"auths": {"r.example": {"username": "hunter1", "password": "hunter2", "identitytoken": "hunter3", "registrytoken": "hunter4"}}}`)
	key := k.For("r.example/a")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, it := range []any{key, key.Credential, &key.Credential, k} {
			if text := fmt.Sprintf(verb, it); strings.Contains(text, "hunter") {
				t.Errorf("%s of a %T tells %s", verb, it, text)
			}
		}
	}
}

// said is all that a problem may say beyond the host of an entry: our words only, so
// nothing of what stands in a file as a value.
var said = regexp.MustCompile(`^(auths: [^/]*: )?(is empty; must be JSON in the form of Docker's config.json|is not JSON: line \d+, column \d+|` +
	`begins with a byte order mark \(U\+FEFF\), which no JSON has; save it as UTF-8 without one|` +
	`is UTF-16 and not UTF-8; save it as UTF-8|line \d+, column \d+: a byte that is no part of UTF-8; save the file as UTF-8|` +
	`((auths|credHelpers|credsStore|username|password|auth|identitytoken|registrytoken): )?` +
	`must be (a string|base64|user:password in base64|a mapping(, in the form of Docker's config.json)?))$`)

func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		`{"auths": {"` + hubKey + `": {"auth": "` + b64("me:secret") + `"}}}`, `{"auths": {"r.example": {"identitytoken": "t"}}, "credHelpers": {"r.example": "x"}}`,
		`{"auths": {"r.example:5000": {"username": "me", "password": "secret"}}, "credsStore": "pass"}`, `{"credHelpers": {"a": 1}, "credsStore": {}}`,
		`{"auths": {"r.example": {"auth": "secret"}}}`, `{"auths": {"r.example": secret}}`, `{"auths": {"r.example": {"username": 1}}}`,
		`{"auths": null}`, `[]`, `{`, ``, "\ufeff{}", `{"auths": {"": {"auth": "Og=="}}}`, `{"AUTHS": {"http://": {}}}`,
	} {
		f.Add(seed, "r.example/app:1")
	}
	f.Add(`{"auths": {"localhost": {"auth": "dTpw"}}}`, "localhost/a@sha256:"+strings.Repeat("0", 64))
	f.Fuzz(func(t *testing.T, text, image string) {
		name := write(t, "auth.json", text)
		k, err := keyring.Read(name)
		if err != nil {
			checkProblems(t, name, err)
		}
		key := k.For(image)
		if again := k.For(image); again != key {
			t.Errorf("two answers differ for %q", image)
		}
		if key.Given() != (key.Server != "") {
			t.Errorf("a credential for nobody: %q", key.Server)
		}
		if key.Advice() == "" {
			t.Error("no advice")
		}
	})
}

// checkProblems checks that each problem is a line about the file in our own words.
func checkProblems(t *testing.T, name string, err error) {
	t.Helper()
	var problems pod.Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("%v (%T) are no problems", err, err)
	}
	for _, p := range problems {
		if p.Place != name || !said.MatchString(p.What) {
			t.Errorf("not a line about the file: %q", p)
		}
	}
}
