package archive_test

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/pod"
)

// file makes a file of the supervisor's.
func file(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil { // which no umask takes anything from
		t.Fatal(err)
	}
	return name
}

// packed are the headers and the contents of an archive.
func packed(t *testing.T, c pod.Copy) (headers []tar.Header, contents []string) {
	t.Helper()
	from, err := archive.Pack(c)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if err == io.EOF {
			return headers, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		headers, contents = append(headers, *h), append(contents, string(content))
	}
}

func TestAFileIsHandedOnAsItIs(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		content string
		mode    os.FileMode
		target  string
		want    string // its name in the archive
	}{
		"Config":     {"what everyone may read", "a=b\n", 0o644, "/etc/app/app.conf", "etc/app/app.conf"},
		"Secret":     {"what nobody else may read stays so", "s3cret", 0o400, "/run/secret", "run/secret"},
		"Script":     {"what can be run stays so", "#!/bin/sh\n", 0o755, "/run.sh", "run.sh"},
		"Empty":      {"an empty file is a file", "", 0o600, "/empty", "empty"},
		"Roundabout": {"a path that is not the shortest", "x", 0o644, "/a//b/../c", "a/c"},
		"Large":      {"it does not have to fit into a line, nor into a block", strings.Repeat("0123456789", 100_000), 0o644, "/large", "large"},
		"LongName":   {"a path that old archives had no place for", "x", 0o644, "/" + strings.Repeat("d/", 200) + "f", strings.Repeat("d/", 200) + "f"},
	} {
		t.Run(name, func(t *testing.T) {
			source := file(t, test.content, test.mode)
			headers, contents := packed(t, pod.Copy{Source: source, Target: test.target})
			if len(headers) != 1 || contents[0] != test.content {
				t.Fatalf("%s: %d files, or another content", test.why, len(headers))
			}
			h := headers[0]
			got := []any{h.Name, os.FileMode(h.Mode), h.Typeflag, h.Uid, h.Gid}
			if diff := cmp.Diff([]any{test.want, test.mode, byte(tar.TypeReg), 0, 0}, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestAFilesAgeIsKept(t *testing.T) {
	source := file(t, "x", 0o644)
	then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(source, then, then); err != nil {
		t.Fatal(err)
	}
	headers, _ := packed(t, pod.Copy{Source: source, Target: "/x"})
	if !headers[0].ModTime.Equal(then) {
		t.Errorf("it is of %v now", headers[0].ModTime)
	}
}

func TestWhatALinkLeadsToIsHandedOn(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(file(t, "linked", 0o640), link); err != nil {
		t.Fatal(err)
	}
	c := pod.Copy{Source: link, Target: "/x"}
	if err := archive.Check(c); err != nil {
		t.Error(err)
	}
	headers, contents := packed(t, c)
	if headers[0].Typeflag != tar.TypeReg || headers[0].Mode != 0o640 || contents[0] != "linked" {
		t.Errorf("it is %q, %o of type %c", contents[0], headers[0].Mode, headers[0].Typeflag)
	}
}

func TestWhatCannotBeCopiedIsToldBeforeAnythingIsMade(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ why, source, want string }{
		"Missing":    {"a config that the service was not given", dir + "/missing", "cannot copy " + dir + "/missing: no such file or directory"},
		"Directory":  {"only files can be handed on", dir, "cannot copy " + dir + ": not a regular file"},
		"Pipe":       {"it has no end to read to", pipe, "cannot copy " + pipe + ": not a regular file"},
		"ThroughOne": {"a file is no directory", file(t, "", 0o600) + "/x", "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			err := archive.Check(pod.Copy{Source: test.source, Target: "/x"})
			if err == nil || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("%s: got %v, want %s", test.why, err, test.want)
			}
		})
	}
}

// Between the check and the copy everything may have changed.
func TestWhatIsGoneByNowIsAnError(t *testing.T) {
	dir := t.TempDir()
	for name, source := range map[string]string{"Gone": dir + "/missing", "Directory": dir} {
		t.Run(name, func(t *testing.T) {
			_, err := archive.Pack(pod.Copy{Source: source, Target: "/x"})
			if err == nil || !strings.HasPrefix(err.Error(), "cannot copy "+source+": ") {
				t.Errorf("got %v", err)
			}
		})
	}
}
