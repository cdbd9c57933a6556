package redis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/ginsession/ginsession/cache/redis"
)

func TestCluster(t *testing.T) {
	nodes := []*server{clusterNode(t, "0", "8191"), clusterNode(t, "8192", "16383")}
	nodes[1].do(t, "CLUSTER", "MEET", "127.0.0.1", nodes[0].port(), nodes[0].busPort(t))
	for _, node := range nodes {
		eventually(t, "the cluster is whole", func() bool {
			info, _ := node.do(t, "CLUSTER", "INFO").ToString()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_size:2")
		})
	}

	rules(t, nodes[0].url())
	c := open(t, nodes[0].url())
	for i := range 100 {
		add(t, c, fmt.Sprint(i), "value")
	}
	for i, node := range nodes {
		if n, _ := node.do(t, "DBSIZE").AsInt64(); n < 20 {
			t.Errorf("node %d has %d of 100 keys; want them spread over the nodes", i, n)
		}
	}
}

func clusterNode(t *testing.T, firstSlot, lastSlot string) *server {
	t.Helper()
	_, busPort, _ := net.SplitHostPort(freeAddr(t))
	node := startServer(t, "--cluster-enabled", "yes", "--cluster-port", busPort)
	node.do(t, "CLUSTER", "ADDSLOTSRANGE", firstSlot, lastSlot)
	return node
}

func (s *server) busPort(t *testing.T) string {
	t.Helper()
	config, err := s.do(t, "CONFIG", "GET", "cluster-port").AsStrMap()
	if err != nil {
		t.Fatal(err)
	}
	return config["cluster-port"]
}

func TestSentinelFailover(t *testing.T) {
	master := startServer(t)
	replica := startServer(t, "--replicaof", "127.0.0.1", master.port(), "--repl-diskless-sync-delay", "0")
	eventually(t, "the replica follows", func() bool {
		info, _ := replica.do(t, "INFO", "replication").ToString()
		return strings.Contains(info, "master_link_status:up")
	})
	sentinel := startSentinel(t, master)
	eventually(t, "the sentinel knows the replica", func() bool {
		known, _ := sentinel.do(t, "SENTINEL", "REPLICAS", "mymaster").ToArray()
		return len(known) == 1
	})

	url := sentinel.url() + "?master_set=mymaster"
	rules(t, url)
	c := open(t, url)
	add(t, c, "key", "value")
	get(t, c, "key")
	master.kill(t)
	eventually(t, "writes reach the promoted replica", func() bool {
		ok, err := c.Add(t.Context(), "another", []byte("value"), time.Hour)
		return ok && err == nil
	})
	if got := get(t, c, "another"); got != "value" {
		t.Errorf("after the failover: %q; want what was added", got)
	}
}

func startSentinel(t *testing.T, master *server) *server {
	t.Helper()
	s := newServer(t)
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("port %s\n", s.port()) +
		fmt.Sprintf("sentinel monitor mymaster 127.0.0.1 %s 1\n", master.port()) +
		"sentinel down-after-milliseconds mymaster 500\n" +
		"sentinel failover-timeout mymaster 3000\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{config, "--sentinel"}
	s.start(t)
	return s
}

func TestUnixSocket(t *testing.T) {
	s := newServer(t)
	socket := filepath.Join(t.TempDir(), "s")
	s.args = []string{"--port", s.port(), "--bind", "127.0.0.1", "--save", "", "--unixsocket", socket}
	s.start(t)
	s.do(t, "PING") // once it answers, it listens on both
	c := open(t, "unix://"+socket+"?db=2")
	add(t, c, "key", "value")
	if keyspace, _ := s.do(t, "INFO", "keyspace").ToString(); !strings.Contains(keyspace, "db2:keys=1") {
		t.Errorf("the server's databases: %q; want one key in database 2", keyspace)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	authority := certificate(t, dir)
	s := newServer(t)
	s.args = []string{"--port", "0", "--tls-port", s.port(), "--bind", "127.0.0.1", "--save", "", "--dir", dir,
		"--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-auth-clients", "no"}
	s.start(t)
	url := "rediss://" + s.addr

	rules(t, url, redis.Configure(func(o *valkey.ClientOption) { o.TLSConfig.RootCAs = authority }))
	if c, err := redis.New(url); err == nil {
		c.Close()
		t.Error("New accepted a certificate of an unknown authority")
	}
}

// certificate writes a self-signed certificate for 127.0.0.1, and returns a pool that trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}
