package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/template"
	"github.com/podlike/podlike/internal/template/input"
)

// cmdTemplate renders a stack.
const cmdTemplate = "template"

// texts are what a flag that may be given several times has.
type texts []string

func (t *texts) String() string         { return strings.Join(*t, ",") }
func (t *texts) Set(value string) error { *t = append(*t, value); return nil }

// A templating is what the command line of template says.
type templating struct {
	files, set, envFiles texts
	out                  string
	check, explain       bool
	service              string // to be explained
	interpolate          bool
	http                 bool
	schema               bool
}

// mostStackFiles is how many files there may be on the command line.
const mostStackFiles = 100

func parseTemplate(args []string, help io.Writer) (o templating, err error) {
	c := newCommand(cmdTemplate, "template [-f FILE]... [FILE...|-]",
		"turns a stack with x-podlike in it into one for docker stack deploy -c -; later files are stronger, as with -c A -c B")
	c.Var(&o.files, "f", "a stack `file`, before those without a flag; may be given several times")
	c.StringVar(&o.out, "o", "", "write this `file`, whole or not at all (default: standard output)")
	c.BoolVar(&o.check, "check", false, "write nothing; exit with 1 and a diff on standard error if the file of -o is not what would be written")
	c.BoolVar(&o.explain, "explain", false, "print where each key is from, and what it was stronger than; -explain SERVICE: of that one")
	c.Var(&o.set, "set", "`ARG=VALUE` or SERVICE.ARG=VALUE: an argument that is stronger than all files; may be given several times")
	c.BoolVar(&o.interpolate, "interpolate", false, "resolve variables now, and not when the stack is deployed")
	c.Var(&o.envFiles, "env-file", "with -interpolate: a `file` of variables, weaker than those of the shell; may be given several times")
	c.BoolVar(&o.http, "http", false, "fetch templates from URLs that have no sha256, too")
	c.BoolVar(&o.schema, "schema", false, "print the JSON Schema of x-podlike")
	if len(args) == 0 {
		args = []string{"-h"}
	}
	words, err := c.parse(args, mostStackFiles, help)
	if err != nil {
		return o, err
	}
	if o.explain && len(words) > 0 && words[0] != "-" {
		if _, err := os.Stat(words[0]); err != nil {
			o.service, words = words[0], words[1:]
		}
	}
	o.files = append(o.files, words...)
	switch {
	case o.schema && len(o.files) == 0:
		return o, nil
	case len(o.files) == 0:
		return o, usage("there is no file; name one, or - for standard input")
	case o.check && o.out == "":
		return o, usage("-check needs -o FILE, the file to compare with")
	case len(o.envFiles) > 0 && !o.interpolate:
		return o, usage("-env-file is for -interpolate; without it the variables are the deploy's")
	}
	return o, nil
}

// renderStack renders a stack, and prints or writes what comes of it.
func renderStack(args []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	o, err := parseTemplate(args, stdout)
	if err != nil {
		return 0, err
	}
	if o.schema {
		_, err := stdout.Write(template.Schema())
		return 0, err
	}
	lookup, err := o.lookup()
	if err != nil {
		return 0, err
	}
	options := templateOptions(stdin)
	options.Files, options.Set, options.Variables, options.Unpinned, options.Lookup = o.files, o.set, o.interpolate, o.http, lookup
	if o.out != "" {
		options.Out = filepath.Dir(o.out)
	}
	result, findings := template.Render(options)
	if code, err := report(findings, stderr); err != nil || code != 0 {
		return code, err
	}
	text := []byte(string(result.Text.Text))
	switch {
	case o.explain:
		return explain(result, o.service, stdout)
	case o.check:
		return compareWith(o.out, text, stderr)
	case o.out != "":
		return 0, writeWhole(o.out, text)
	}
	_, err = stdout.Write(text)
	return 0, err
}

// templateOptions are what templates have of this machine.
func templateOptions(stdin io.Reader) template.Options {
	own := machine(stdin)
	abs := func(file string) string {
		if whole, err := filepath.Abs(file); err == nil {
			return whole
		}
		return file
	}
	return template.Options{Machine: input.Machine{ReadFile: own.ReadFile, Lookup: own.Lookup, Abs: abs}, Version: version, Fetch: fetch}
}

// lookup finds variables: those of the shell, and those of files, of which later ones are stronger.
func (o templating) lookup() (func(name string) (string, bool), error) {
	env := map[string]string{}
	for _, file := range o.envFiles {
		text, err := os.ReadFile(file)
		if err == nil {
			err = compose.Variables(text, env, os.LookupEnv)
		}
		if err != nil {
			return nil, usage(fmt.Sprintf("-env-file %s: %v", file, input.Reason(err)))
		}
	}
	return func(name string) (string, bool) {
		if value, found := os.LookupEnv(name); found {
			return value, true
		}
		value, found := env[name]
		return value, found
	}, nil
}

// explain prints where the keys of a service, or of all, are from.
func explain(result template.Result, service string, stdout io.Writer) (int, error) {
	text, found := result.Explain(service)
	if service != "" && !found {
		return 0, usage("-explain " + service + ": there is no such file, and no service of that name that is a pod")
	}
	_, err := io.WriteString(stdout, text)
	return 0, err
}

// writeWhole writes a file whole or not at all.
func writeWhole(file string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", file, input.Reason(err))
	}
	defer os.Remove(temporary.Name()) // which is not there once it is renamed
	_, err = temporary.Write(text)
	mode := os.FileMode(0o644)
	if there, unknown := os.Stat(file); unknown == nil {
		mode = there.Mode().Perm()
	}
	err = errors.Join(err, temporary.Chmod(mode), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", file, err)
	}
	return nil
}

// compareWith tells whether a file is what would be written, and else how it differs.
func compareWith(file string, want []byte, stderr io.Writer) (int, error) {
	got, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("cannot read %s: %w", file, input.Reason(err))
	}
	if err == nil && bytes.Equal(got, want) {
		return 0, nil
	}
	fmt.Fprintf(stderr, "%s is not what would be written:\n%s", file, template.Diff(string(got), string(want)))
	return exitFault, nil
}

// What a template from a URL may take.
const (
	fetchTimeout = 10 * time.Second
	fetchMost    = 1 << 20
)

// fetch gets what a URL names. What is not there, or does not answer, is missing.
func fetch(url string, insecure bool) ([]byte, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{InsecureSkipVerify: insecure}} //nolint:gosec // it was asked for
	defer transport.CloseIdleConnections()
	client := http.Client{Timeout: fetchTimeout, Transport: transport}
	answer, err := client.Get(url)
	if untrusted := new(tls.CertificateVerificationError); errors.As(err, &untrusted) {
		return nil, fmt.Errorf("cannot get %s: %w", url, untrusted)
	}
	if err != nil {
		return nil, template.Missing(err.Error())
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusNotFound, answer.StatusCode == http.StatusGone, answer.StatusCode >= http.StatusInternalServerError:
		return nil, template.Missing("the server answers " + answer.Status)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("cannot get %s: the server answers %s", url, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, fetchMost+1))
	if err != nil {
		return nil, template.Missing(err.Error())
	}
	if len(text) > fetchMost {
		return nil, fmt.Errorf("%s is larger than 1 MiB, which no template is", url)
	}
	return text, nil
}

// stackFile is a stack or Compose file, which is rendered first where it has templates.
func stackFile(file string) source.Source {
	return template.File{Name: file, Own: machine(os.Stdin), Options: templateOptions(os.Stdin)}
}
