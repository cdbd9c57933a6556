package nginx_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startNginx starts an nginx that keeps what origin answers for a minute, whatever the status, as far
// as the settings let it. It returns its address. The header X-Cache of its answers says what the cache
// had.
func startNginx(t *testing.T, origin, settings string) string {
	t.Helper()
	program := findNginx(t)
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	config := filepath.Join(dir, "nginx.conf")
	text := strings.NewReplacer("DIR", dir, "ADDRESS", listener.Addr().String(), "ORIGIN", origin, "SETTINGS", settings).Replace(configuration)
	if os.Geteuid() == 0 {
		text = "user root;\n" + text // its workers must get at the folder
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	// nginx takes over the listener, as it does when it replaces its own program. So the address is
	// free for certain, and who connects before nginx is ready waits.
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cmd := exec.Command(program, "-e", "stderr", "-c", config)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Env = append(os.Environ(), "NGINX=3;")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // the master ends its workers
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("nginx: %s", &said)
		}
	})
	return "http://" + listener.Addr().String()
}

const configuration = `
daemon off;
worker_processes 1;
pid DIR/pid;
error_log stderr warn;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path DIR/body;
	proxy_temp_path DIR/proxy;
	fastcgi_temp_path DIR/fastcgi;
	scgi_temp_path DIR/scgi;
	uwsgi_temp_path DIR/uwsgi;
	proxy_cache_path DIR/cache keys_zone=pages:1m;
	server {
		listen ADDRESS;
		location / {
			proxy_pass ORIGIN;
			proxy_cache pages;
			proxy_cache_valid any 1m;
			add_header X-Cache $upstream_cache_status always;
			SETTINGS
		}
	}
}
`

func findNginx(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} { // not every user's PATH has sbin
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	t.Skip("SKIPPED: nginx is not installed")
	return ""
}
