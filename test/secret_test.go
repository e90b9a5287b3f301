package test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// A secret's text says the same word again and again, so that the smallest part of it
// can be found.
func newText() (word, text string) {
	word = rand.Text()
	return word, strings.Repeat(word+"\n", 200<<10/(len(word)+1))
}

// What was on the disk of the engine's machine stays there: a secret that was written
// once is found after the pod, and the secret, are gone.
func TestASecretNeverTouchesADisk(t *testing.T) {
	outer := dockertest.New(t)
	outer.Swarm(t)
	word, text := newText()
	next, nextText := newText()
	setting := rand.Text() // of a config
	plain := rand.Text()   // what is on the disk has to be found, or else nothing was looked at
	first, second := newSecret(t, outer, text), newSecret(t, outer, nextText)
	config := newConfig(t, outer, setting)
	began := time.Now()
	search := func(when string) {
		t.Helper()
		if files := found(t, outer, began, word, next, setting); len(files) > 0 {
			t.Errorf("%s the secret is in %q", when, files)
		}
	}

	d := dockertest.New(t) // its services are gone before their secrets are to be
	spec := service(t, d, components{
		"one": kit("sleep health /up", whenThere("/up"), "environment: {PLAIN: "+plain+"}",
			"secrets: [key, {source: key, target: own.key, uid: '9', gid: '10', mode: 0400}]",
			"configs: [app.conf, {source: app.conf, target: /etc/app.conf, uid: '9', mode: 0440}]"),
		"two": kit("sleep", "read_only: true", "user: '7:8'", "tmpfs: /opt", "secrets: [{source: key, target: /srv/key}]"),
	}, "-logs", "-debug")
	spec.TaskTemplate.ContainerSpec.Labels[pod.CopyPrefix+"one"] = "[/etc/conf/tls.key:/run/certs/key, /run/secrets/.:/etc/ssl]"
	spec.TaskTemplate.ContainerSpec.Labels[pod.CopyPrefix+"two"] = "/etc/conf/tls.key:/opt/shop/tls.key"
	spec.TaskTemplate.ContainerSpec.Secrets = mountSecret(first)
	spec.TaskTemplate.ContainerSpec.Configs = []*swarm.ConfigReference{config}
	id := d.Service(t, spec)
	s := taskOf(t, d, id, "")
	if files := found(t, d, began, plain); len(files) == 0 {
		t.Error("what is in a component's environment was not found on the engine's disk, where it is")
	}
	s.hasSecret(t, text, setting)
	s.tellsNothingOf(t, word, 4)
	search("while the pod runs")

	spec.TaskTemplate.ContainerSpec.Secrets = mountSecret(second)
	d.UpdateService(t, id, spec)
	s = taskOf(t, d, id, s.ID)
	s.hasSecret(t, nextText, setting)
	s.tellsNothingOf(t, next, 4)
	search("when the secret has been replaced")

	d.RemoveService(t, id)
	d.Gone(t, s.ID, soon)
	search("when the pod is gone")
}

// newSecret makes a secret of the swarm's.
func newSecret(t *testing.T, d *dockertest.Engine, text string) swarm.Secret {
	t.Helper()
	named := swarm.Annotations{Name: "podlike-test-" + rand.Text(), Labels: d.Labels(nil)}
	made, err := d.Client().SecretCreate(t.Context(), swarm.SecretSpec{Annotations: named, Data: []byte(text)})
	if err != nil {
		t.Fatalf("cannot create a secret: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := cleaning()
		defer cancel()
		if err := d.Client().SecretRemove(ctx, made.ID); err != nil {
			t.Errorf("cannot remove secret %s: %v", named.Name, err)
		}
	})
	return swarm.Secret{ID: made.ID, Spec: swarm.SecretSpec{Annotations: named}}
}

// mountSecret is how a service has a secret at its usual path, and at one of its own.
func mountSecret(secret swarm.Secret) (all []*swarm.SecretReference) {
	for _, target := range []string{"key", "/etc/conf/tls.key"} {
		file := &swarm.SecretReferenceFileTarget{Name: target, UID: "7", GID: "8", Mode: 0o440}
		all = append(all, &swarm.SecretReference{File: file, SecretID: secret.ID, SecretName: secret.Spec.Name})
	}
	return all
}

// taskOf is the supervisor of a service's task that runs, and is not the one before.
func taskOf(t *testing.T, d *dockertest.Engine, service, before string) (s supervisor) {
	t.Helper()
	dockertest.Eventually(t, 2*soon, func() (bool, string) {
		var seen []string
		for _, task := range d.Tasks(t, service) {
			seen = append(seen, string(task.Status.State)+" "+task.Status.Err)
			if status := task.Status.ContainerStatus; task.Status.State == swarm.TaskStateRunning && status.ContainerID != before {
				s = supervisorIn(d, d.Container(t, status.ContainerID))
				return true, ""
			}
		}
		return false, fmt.Sprintf("tasks: %q", seen)
	})
	return s
}

// hasSecret asserts that both components have the secret's text, and the config's, wherever
// it was to be, and whose it was to be.
func (s supervisor) hasSecret(t *testing.T, text, setting string) {
	t.Helper()
	for _, file := range []struct{ why, component, path, want, stat string }{
		{"as the supervisor has it", "one", "/run/secrets/key", text, "-r--r----- 7 8 "},
		{"a name of its own is beside it", "one", "/run/secrets/own.key", text, "-r-------- 9 10 "},
		{"a config too", "one", "/app.conf", setting, "-r--r--r-- 0 0 "},
		{"a path of its own", "one", "/etc/app.conf", setting, "-r--r----- 9 0 "},
		{"a copy is a secret as well", "one", "/run/certs/key", text, "-r--r----- 7 8 "},
		{"and all in a directory", "one", "/etc/ssl/key", text, "-r--r----- 7 8 "},
		{"a secret can be anywhere", "two", "/srv/key", text, "-r--r----- 7 8 "},
		{"a tmpfs does not hide it", "two", "/opt/shop/tls.key", text, "-r--r----- 7 8 "},
	} {
		c := s.component(t, file.component)
		if got, code := c.Exec(t, "/testkit", "cat", file.path); got != file.want || code != 0 {
			t.Errorf("%s has %d bytes, or others, at %s, want %d: %s", file.component, len(got), file.path, len(file.want), file.why)
		}
		if got, _ := c.Exec(t, "/testkit", "stat", file.path); !strings.HasPrefix(got, file.stat) {
			t.Errorf("%s has %s, want %s: %s", file.component, got, file.stat, file.why)
		}
	}
}

// tellsNothingOf asserts that a word is in nothing that the engine tells of the pod, whose
// containers are so many, with the supervisor.
func (s supervisor) tellsNothingOf(t *testing.T, word string, containers int) {
	t.Helper()
	all := []*dockertest.Container{s.Container}
	for _, c := range s.d.Pod(t, s.ID) {
		all = append(all, s.d.Container(t, c.ID))
	}
	if len(all) != containers {
		t.Errorf("there are %d containers, want %d", len(all), containers)
	}
	for _, c := range all {
		inspected, err := json.Marshal(c.Inspect(t))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(inspected, []byte(word)) || strings.Contains(c.Output(t), word) {
			t.Errorf("the secret is in what the engine tells of %s, or in its log", c.Name)
		}
	}
}

// found are the files on the disk of the engine's machine that have one of the words and
// were changed since. What is mounted there, such as memory, is not on that disk.
func found(t *testing.T, d *dockertest.Engine, since time.Time, words ...string) (files []string) {
	t.Helper()
	info, err := d.Client().Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var disk syscall.Stat_t
	if err := syscall.Stat(info.DockerRootDir, &disk); err != nil {
		t.Fatalf("cannot look at the engine's directory: %v", err)
	}
	err = filepath.WalkDir(info.DockerRootDir, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since
		}
		var file syscall.Stat_t
		if err = errors.Join(err, syscall.Lstat(name, &file)); err != nil {
			return ignoreGone(err)
		}
		switch {
		case entry.IsDir() && file.Dev != disk.Dev:
			return fs.SkipDir
		case !entry.Type().IsRegular() || file.Dev != disk.Dev || time.Unix(file.Ctim.Unix()).Before(since.Add(-time.Second)):
			return nil
		}
		has, err := hasWord(name, words)
		if has {
			files = append(files, name)
		}
		return ignoreGone(err)
	})
	if err != nil {
		t.Fatalf("cannot search the engine's directory: %v", err)
	}
	return files
}

// ignoreGone forgives that a file is not there any more.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// hasWord tells whether a file has one of the words.
func hasWord(name string, words []string) (bool, error) {
	content, err := os.ReadFile(name)
	for _, word := range words {
		if bytes.Contains(content, []byte(word)) {
			return true, err
		}
	}
	return false, err
}
