package keyring

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/charset"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// A file is what one file says.
type file struct {
	name    string
	auths   map[string]engine.Credential
	helpers map[string]string // by registry
	store   string            // the helper for all others
}

// Read reads those of the files that are there. All that is wrong with them comes
// back as pod.Problems.
func Read(names ...string) (Keyring, error) {
	var k Keyring
	var problems pod.Problems
	for _, name := range names {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			problems = append(problems, pod.Problemf(name, "cannot be read: %v", cause(err)))
			continue
		}
		f, wrong := parse(name, text)
		k.files = append(k.files, f)
		problems = append(problems, wrong...)
	}
	return k, problems.Err()
}

// cause is an error without the name of its file.
func cause(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}

// A form is Docker's config.json, as far as it is about credentials.
type form struct {
	Auths       map[string]json.RawMessage `json:"auths"`
	CredHelpers map[string]string          `json:"credHelpers"`
	CredsStore  string                     `json:"credsStore"`
}

// An entry is one of its auths.
type entry struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// parse reads one file's text. An entry that holds nothing is one whose credential
// is in a helper's store, so it is left out.
func parse(name string, text []byte) (file, pod.Problems) {
	var said form
	if err := plain(text); err != nil {
		return file{name: name}, pod.Problems{pod.Problemf(name, "%v", err)}
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return file{name: name}, pod.Problems{pod.Problemf(name, "%s", wrong(text, err))}
	}
	f := file{name: name, auths: map[string]engine.Credential{}, helpers: said.CredHelpers, store: said.CredsStore}
	var problems pod.Problems
	for _, key := range slices.Sorted(maps.Keys(said.Auths)) {
		c, err := credential(said.Auths[key])
		if err != nil {
			problems = append(problems, pod.Problemf(name, "auths: %s: %v", hostname(key), err))
		} else if c != (engine.Credential{}) {
			f.auths[key] = c
		}
	}
	return f, problems
}

// plain refuses a text that some editors write and that is no JSON: one with a byte order
// mark, or in another encoding, of which the reader would make other passwords.
func plain(text []byte) error {
	if bytes.HasPrefix(text, []byte(charset.Mark)) {
		return errors.New("begins with a byte order mark (U+FEFF), which no JSON has; save it as UTF-8 without one")
	}
	return charset.Check(text)
}

// credential reads one entry. As in Docker, auth counts more than username and password.
func credential(text []byte) (engine.Credential, error) {
	var said entry
	if err := json.Unmarshal(text, &said); err != nil {
		return engine.Credential{}, errors.New(wrong(text, err))
	}
	c := engine.Credential{
		Username: said.Username, Password: said.Password,
		IdentityToken: said.IdentityToken, RegistryToken: said.RegistryToken,
	}
	if said.Auth == "" {
		return c, nil
	}
	plain, err := base64.StdEncoding.DecodeString(said.Auth)
	if err != nil {
		return engine.Credential{}, errors.New("auth: must be base64") // the cause would quote of it
	}
	var ok bool
	if c.Username, c.Password, ok = strings.Cut(string(plain), ":"); !ok || c.Username == "" {
		return engine.Credential{}, errors.New("auth: must be user:password in base64")
	}
	c.Password = strings.Trim(c.Password, "\x00")
	return c, nil
}

// wrong says what is wrong with a text that cannot be read. The errors themselves
// quote what they found, which may be a part of a secret.
func wrong(text []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return "is empty; must be JSON in the form of Docker's config.json"
	case errors.As(err, &syntax):
		before := text[:min(max(syntax.Offset-1, 0), int64(len(text)))]
		line, column := 1+bytes.Count(before, []byte("\n")), len(before)-bytes.LastIndexByte(before, '\n')
		return fmt.Sprintf("is not JSON: line %d, column %d", line, column)
	case errors.As(err, &kind) && kind.Field != "":
		return kind.Field + ": must be " + word(kind.Type)
	}
	return "must be a mapping, in the form of Docker's config.json"
}

// word is JSON's for what a type is read from.
func word(t reflect.Type) string {
	if t.Kind() == reflect.String {
		return "a string"
	}
	return "a mapping"
}
