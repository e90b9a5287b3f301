package dockertest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
)

// aStack has one of each that a stack can leave behind.
const aStack = `version: '3.7'
services:
  web:
    image: ` + Testkit + `
    command: sleep
    volumes: ['data:/data']
    configs: [conf]
    secrets: [key]
    deploy: {endpoint_mode: dnsrr}
configs: {conf: {file: ./text}}
secrets: {key: {file: ./text}}
volumes: {data: {}}
`

func TestAStackGoesWithItsScope(t *testing.T) {
	e := New(t)
	e.Swarm(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"stack.yml": aStack, "text": "a text"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var name string
	t.Run("Scope", func(t *testing.T) {
		inner := New(t)
		name = inner.Stack(t, filepath.Join(dir, "stack.yml"))
		Eventually(t, patience, func() (bool, string) {
			left := leftOf(t, e, name)
			return left["containers"] == 1 && left["volumes"] == 1, fmt.Sprint(left)
		})
	})
	for what, n := range leftOf(t, e, name) {
		if n > 0 {
			t.Errorf("%d %s are left", n, what)
		}
	}
}

// leftOf counts what there is of a stack.
func leftOf(t *testing.T, e *Engine, stack string) map[string]int {
	t.Helper()
	f := labelled(stackLabel, stack)
	containers, err1 := e.containers(f)
	volumes, err2 := e.volumes(f)
	services, err3 := e.cli.ServiceList(t.Context(), swarm.ServiceListOptions{Filters: f})
	networks, err4 := e.cli.NetworkList(t.Context(), network.ListOptions{Filters: f})
	configs, err5 := e.cli.ConfigList(t.Context(), swarm.ConfigListOptions{Filters: f})
	secrets, err6 := e.cli.SecretList(t.Context(), swarm.SecretListOptions{Filters: f})
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		t.Fatal(err)
	}
	return map[string]int{
		"containers": len(containers), "volumes": len(volumes), "services": len(services),
		"networks": len(networks), "configs": len(configs), "secrets": len(secrets),
	}
}
