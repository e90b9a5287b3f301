// Package keyring finds the credential for an image's registry in files of the form
// of Docker's config.json, as the docker command line does. It asks no registry and
// starts no credential helper, and nothing secret is in any of its errors.
package keyring

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/podlike/podlike/internal/engine"
)

// Secret is where a Swarm secret with credentials is mounted.
const Secret = "/var/run/secrets/podlike/dockerregistryauth.json"

// relative is where the same secret is when its target in the stack is no absolute
// path. In most images /var/run is a link to /run, but not in one that has neither.
const relative = "/run/secrets/podlike/dockerregistryauth.json"

// Docker Hub in names of images, and the key that it has in files.
const (
	hub    = "docker.io"
	hubKey = "https://index.docker.io/v1/"
)

// Files are where credentials are looked for, the first to have one for a registry
// wins. Dir is the value of DOCKER_CONFIG; empty: only the secret is looked at.
func Files(dir string) []string {
	files := []string{Secret, relative}
	if dir != "" {
		files = append(files, filepath.Join(dir, "config.json"))
	}
	return files
}

// A Keyring is what all files together say. The zero value has no credentials.
type Keyring struct{ files []file }

// String hides what is secret from whoever prints a Keyring by mistake.
func (k Keyring) String() string { return fmt.Sprintf("credentials of %d files", len(k.files)) }

// GoString hides it from %#v as well.
func (k Keyring) GoString() string { return k.String() }

// A Key is what there is for one image's registry.
type Key struct {
	// Credential is zero when there is none.
	engine.Credential
	// Registry is its host, with its port if any.
	Registry string
	// File is the one that has the credential, or that names the Helper.
	File string
	// Helper is the credential helper that a file leaves the registry to.
	Helper string
}

// For finds what there is for an image's registry. A name that is none has nothing.
func (k Keyring) For(image string) Key {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return Key{}
	}
	registry := reference.Domain(named)
	for _, f := range k.files {
		if c, ok := f.credential(registry); ok {
			c.Server = address(registry)
			return Key{Credential: c, Registry: registry, File: f.name}
		}
	}
	for _, f := range k.files {
		if helper := f.helperFor(registry); helper != "" {
			return Key{Registry: registry, File: f.name, Helper: helper}
		}
	}
	return Key{Registry: registry}
}

// Given reports whether there is a credential.
func (k Key) Given() bool { return k.Credential != (engine.Credential{}) }

// Advice says what to do when the registry has refused access.
func (k Key) Advice() string {
	switch {
	case k.Given():
		return fmt.Sprintf("it was given the credentials for %s in %s: correct them there", k.Registry, k.File)
	case k.Helper != "":
		return fmt.Sprintf("%s leaves %s to the credential helper %s, which cannot run in the supervisor: "+
			"put credentials under auths in the secret %s", k.File, k.Registry, k.Helper, Secret)
	}
	return fmt.Sprintf("no credentials for %s were found: if it wants some, put them under auths in the secret %s", k.Registry, Secret)
}

// credential finds a registry's credential: under its own key, else under one that
// names its host in a longer form.
func (f file) credential(registry string) (engine.Credential, bool) {
	if c, ok := f.auths[address(registry)]; ok {
		return c, true
	}
	for _, key := range slices.Sorted(maps.Keys(f.auths)) {
		if home(key) == registry {
			return f.auths[key], true
		}
	}
	return engine.Credential{}, false
}

// helperFor names the credential helper for a registry, or is empty.
func (f file) helperFor(registry string) string {
	for _, key := range slices.Sorted(maps.Keys(f.helpers)) {
		if key == address(registry) || home(key) == registry {
			return f.helpers[key]
		}
	}
	return f.store
}

// address is what Docker calls a registry in its files and to the engine.
func address(registry string) string {
	if registry == hub {
		return hubKey
	}
	return registry
}

// home is the registry that a key is for: its host without scheme and path. Docker
// Hub goes by several.
func home(key string) string {
	switch host := hostname(key); host {
	case "index.docker.io", "registry-1.docker.io":
		return hub
	default:
		return host
	}
}

func hostname(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "http://"), "https://")
	host, _, _ := strings.Cut(key, "/")
	return host[strings.LastIndex(host, "@")+1:] // some write a user there; what we print is no secret
}
