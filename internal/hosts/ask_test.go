package hosts_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/podlike/podlike/internal/hosts"
)

func TestOnlyTheEnginesNameServerIsAsked(t *testing.T) {
	for text, want := range map[string]string{
		"nameserver 127.0.0.11\noptions ndots:0\n":       "127.0.0.11:53",
		"search a.b\nnameserver 127.0.0.11":              "127.0.0.11:53",
		"nameserver 10.0.0.1\nnameserver\t127.0.0.11 \n": "127.0.0.11:53",
		"nameserver 10.0.0.1\n":                          "",
		"#nameserver 127.0.0.11\n":                       "",
		"# nameserver 127.0.0.11\n":                      "",
		"nameserver 127.0.0.111\n":                       "",
		"nameserver\n":                                   "",
		"":                                               "",
	} {
		path := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, known := hosts.Server(path); got != want || known != (want != "") {
			t.Errorf("%q: got %q", text, got)
		}
	}
	if got, known := hosts.Server(filepath.Join(t.TempDir(), "none")); known {
		t.Errorf("got %q of no file", got)
	}
}

// A name server knows db, says of app that there is none, and of slow nothing at all.
func TestNamesThatANameServerKnowsAreFound(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	defer func() { server.Close(); <-served }()
	go func() {
		defer close(served)
		serve(server)
	}()
	got, err := hosts.Ask(ctx, server.LocalAddr().String(), []string{"app", "db", "slow", "my_db"})
	want := map[string][]netip.Addr{
		"db": {netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.6")}, "my_db": {netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.6")},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if ctx.Err() == nil {
		t.Error("who does not answer was not waited for")
	}
	patient, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := hosts.Ask(patient, server.LocalAddr().String(), []string{"db", "app"}); len(got) != 1 || err != nil || patient.Err() != nil {
		t.Errorf("got %v, %v of whom all are told", got, err)
	}
}

// serve answers questions until the server is closed, each first with what is no answer.
func serve(server net.PacketConn) {
	buffer := make([]byte, 1<<12)
	for {
		n, from, err := server.ReadFrom(buffer)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 || m.Questions[0].Type != dnsmessage.TypeA {
			continue
		}
		_, _ = server.WriteTo(buffer[:n], from) // the question is no answer either
		m.Response = true
		name := strings.TrimSuffix(m.Questions[0].Name.String(), ".")
		if strings.HasSuffix(name, "db") {
			for _, last := range []byte{6, 5} {
				m.Answers = append(m.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.AResource{A: [4]byte{10, 0, 0, last}},
				})
			}
		} else {
			m.RCode = dnsmessage.RCodeNameError
		}
		if packed, err := m.Pack(); err == nil && name != "slow" {
			_, _ = server.WriteTo([]byte("nonsense"), from)
			_, _ = server.WriteTo(packed, from)
		}
	}
}

func TestWhereNobodyServesNamesNoneAreKnown(t *testing.T) {
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := closed.LocalAddr().String()
	closed.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := hosts.Ask(ctx, at, []string{"db"}); len(got) > 0 || err == nil || ctx.Err() != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := hosts.Ask(ctx, at, []string{strings.Repeat("a", 64)}); err == nil {
		t.Error("a name that is none was asked for")
	}
}
