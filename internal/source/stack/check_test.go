package stack_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/source/stack"
)

// warned are the findings of a stack whose one service has these keys, without their places.
func warned(keys string) []string {
	_, findings := stack.Read("s.yml", on(map[string]string{"s.yml": "services:\n  a:\n" + strings.ReplaceAll("\n"+keys, "\n", "\n    ") + "\n"}, nil))
	var all []string
	for _, f := range findings {
		all = append(all, f.Place)
	}
	return all
}

const (
	socket = "image: sup\nvolumes: [/var/run/docker.sock:/var/run/docker.sock]\n"
	web    = "labels: {pod.component.web: '{image: b}'}\n"
)

// What a pod needs of its service is looked for before anything starts.
func TestAServiceHasToGiveItsPodWhatItNeeds(t *testing.T) {
	at := func(key string) []string { return []string{"services.a: " + key} }
	component := func(more string) string { return "labels: {pod.component.web: '{image: b, " + more + "}'}\n" }
	for keys, want := range map[string][]string{
		// the engine
		socket + web:         nil,
		"image: sup\n" + web: at("volumes"),
		"image: sup\nvolumes: [data:/data]\n" + web:                                             at("volumes"),
		"image: sup\nvolumes: [/var/run:/var/run]\n" + web:                                      nil,
		"image: sup\nvolumes: [/var/run:/run]\n" + web:                                          nil,
		"image: sup\nvolumes: [{type: bind, source: /x, target: /var/run/docker.sock}]\n" + web: nil,
		"image: sup\nvolumes: ['/x:/var/run/docker.sock:ro']\n" + web:                           nil,
		"image: sup\nenvironment: [DOCKER_HOST=tcp://proxy:2375]\n" + web:                       nil,
		"image: sup\nenvironment: {DOCKER_HOST: tcp://proxy:2375}\n" + web:                      nil,
		web: nil, // nothing is known of it
		// the network
		socket + web + "network_mode: none": at("network_mode"),
		socket + web + "network_mode: host": at("network_mode"),
		socket + web + "networks: [a]":      nil,
		// secrets and configs
		socket + component("secrets: [key]"):                                                        at("pod.component.web: secrets"),
		socket + component("configs: [app]"):                                                        at("pod.component.web: configs"),
		socket + component("secrets: [key]") + "secrets: [key]":                                     nil,
		socket + component("secrets: [key]") + "secrets: [{source: other, target: key}]":            nil,
		socket + component("secrets: [key]") + "secrets: [{source: key, target: other}]":            at("pod.component.web: secrets"),
		socket + component("configs: [app]") + "configs: [{source: x, target: /app}]":               nil,
		socket + component("configs: [app]") + "configs: [app]":                                     nil,
		"image: sup\nvolumes: [/var/run:/var/run, /s:/run/secrets]\n" + component("secrets: [key]"): nil,
		// ports
		socket + "labels: {pod.component.a: '{image: b, x-pod: {ports: [{name: web, containerPort: 80}]}}', pod.component.b: '{image: c, x-pod: {ports: [{name: http, containerPort: 80}]}}'}": at("pod.component.b: ports"),
	} {
		if diff := cmp.Diff(want, warned(keys)); diff != "" {
			t.Errorf("%s\n%s", keys, diff)
		}
	}
}

// A secret that the Compose file has from elsewhere is not the service's to have.
func TestAComposeFilesOwnSecretsAreNotMissedInTheService(t *testing.T) {
	const text = "services:\n  a:\n    labels: {pod.compose.file: /pod.yml}\n    configs: [{source: pod, target: /pod.yml}]\nconfigs: {pod: {file: pod.yml}}\n"
	const file = "services: {web: {image: b, secrets: [own, key], configs: [text]}}\n" +
		"secrets: {own: {file: /own.txt}, key: {external: true}}\nconfigs: {text: {content: c}}\n"
	_, findings := stack.Read("s.yml", on(map[string]string{"s.yml": text, "pod.yml": file}, nil))
	if len(findings) != 1 || !strings.Contains(findings[0].What, `has no secret "key", which it would have as /run/secrets/key`) {
		t.Errorf("found %q", lines(findings))
	}
}
