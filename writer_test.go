package ginsession_test

import (
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// A wayToAnswer is a handler and what its response is without a session.
type wayToAnswer struct {
	name    string
	method  string // GET
	header  testsite.Header
	handler func(c *gin.Context)
	status  int // 200
	body    string
	want    testsite.Header // a header of the response
}

// longText is long enough for every buffer on the way to be flushed.
var longText = strings.Repeat("All work and no play makes Jack a dull boy.\n", 4000)

// waysToAnswer lists every way in which a handler can answer an ordinary request.
func waysToAnswer(t *testing.T) []wayToAnswer {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.txt")
	if err := os.WriteFile(file, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []wayToAnswer{
		{name: "nothing at all", handler: func(*gin.Context) {}},
		{name: "JSON", handler: func(c *gin.Context) { c.JSON(http.StatusCreated, gin.H{"a": 1}) },
			status: 201, body: `{"a":1}`, want: testsite.Header{Name: "Content-Type", Value: "application/json; charset=utf-8"}},
		{name: "text", handler: func(c *gin.Context) { c.String(http.StatusOK, "text") }, body: "text"},
		{name: "long text", handler: func(c *gin.Context) { c.String(http.StatusOK, longText) }, body: longText},
		{name: "HTML template", handler: func(c *gin.Context) { c.HTML(http.StatusOK, "page", gin.H{"Name": "<Ann>"}) },
			body: "<p>&lt;Ann&gt;</p>", want: testsite.Header{Name: "Content-Type", Value: "text/html; charset=utf-8"}},
		{name: "redirect", handler: func(c *gin.Context) { c.Redirect(http.StatusFound, "/elsewhere") },
			status: 302, body: "<a href=\"/elsewhere\">Found</a>.\n\n", want: testsite.Header{Name: "Location", Value: "/elsewhere"}},
		{name: "redirect after POST", method: http.MethodPost, handler: func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/elsewhere") },
			status: 303, want: testsite.Header{Name: "Location", Value: "/elsewhere"}},
		{name: "status alone", method: http.MethodPost, handler: func(c *gin.Context) { c.Status(http.StatusAccepted) }, status: 202},
		{name: "204", method: http.MethodPost, handler: func(c *gin.Context) { c.Status(http.StatusNoContent) }, status: 204},
		{name: "204 at once", method: http.MethodPost, handler: func(c *gin.Context) {
			c.Status(http.StatusNoContent)
			c.Writer.WriteHeaderNow()
		}, status: 204},
		{name: "304", handler: func(c *gin.Context) { c.JSON(http.StatusNotModified, nil) }, status: 304},
		{name: "AbortWithStatus", handler: func(c *gin.Context) { c.AbortWithStatus(http.StatusForbidden) }, status: 403},
		{name: "Abort", handler: func(c *gin.Context) { c.Abort() }},
		{name: "AbortWithStatusJSON", handler: func(c *gin.Context) { c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"a": 1}) },
			status: 401, body: `{"a":1}`},
		{name: "file", handler: func(c *gin.Context) { c.File(file) }, body: "0123456789", want: testsite.Header{Name: "Accept-Ranges", Value: "bytes"}},
		{name: "range of a file", header: testsite.Header{Name: "Range", Value: "bytes=2-4"}, handler: func(c *gin.Context) { c.File(file) },
			status: 206, body: "234", want: testsite.Header{Name: "Content-Range", Value: "bytes 2-4/10"}},
		{name: "ServeContent", handler: func(c *gin.Context) {
			http.ServeContent(c.Writer, c.Request, "a.txt", time.Time{}, strings.NewReader("content"))
		}, body: "content"},
		{name: "ServeContent, unsatisfiable range", header: testsite.Header{Name: "Range", Value: "bytes=90-"}, handler: func(c *gin.Context) {
			http.ServeContent(c.Writer, c.Request, "a.txt", time.Time{}, strings.NewReader("content"))
		}, status: 416, body: "invalid range: failed to overlap\n"},
		{name: "stream", handler: func(c *gin.Context) {
			n := 0
			c.Stream(func(w io.Writer) bool {
				n++
				_, _ = fmt.Fprint(w, n)
				return n < 3
			})
		}, body: "123"},
		{name: "server-sent events", handler: func(c *gin.Context) {
			c.SSEvent("message", "one")
			c.Writer.Flush()
			c.SSEvent("message", "two")
		}, body: "event:message\ndata:one\n\nevent:message\ndata:two\n\n", want: testsite.Header{Name: "Content-Type", Value: "text/event-stream;charset=utf-8"}},
		{name: "flush first", handler: func(c *gin.Context) {
			c.Status(http.StatusAccepted)
			c.Writer.Flush()
			_, _ = c.Writer.WriteString("later")
		}, status: 202, body: "later"},
		{name: "http.Flusher", handler: func(c *gin.Context) {
			_, _ = io.WriteString(c.Writer, "a")
			c.Writer.(http.Flusher).Flush()
			_, _ = c.Writer.Write([]byte("b"))
		}, body: "ab"},
		{name: "http.ResponseController", handler: func(c *gin.Context) {
			rc := http.NewResponseController(c.Writer)
			_ = rc.SetWriteDeadline(time.Now().Add(time.Minute))
			_, _ = c.Writer.WriteString("a")
			_ = rc.Flush()
		}, body: "a"},
		{name: "DataFromReader", handler: func(c *gin.Context) {
			c.DataFromReader(http.StatusOK, 4, "text/x-own", strings.NewReader("read"), nil)
		}, body: "read", want: testsite.Header{Name: "Content-Type", Value: "text/x-own"}},
		{name: "io.Copy", handler: func(c *gin.Context) { _, _ = io.Copy(c.Writer, strings.NewReader(longText)) }, body: longText},
		{name: "net/http handler", handler: gin.WrapH(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Own", "set")
			http.Error(w, "not here", http.StatusGone)
		})), status: 410, body: "not here\n", want: testsite.Header{Name: "X-Own", Value: "set"}},
		{name: "HEAD", method: http.MethodHead, handler: func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"a": 1}) },
			want: testsite.Header{Name: "Content-Type", Value: "application/json; charset=utf-8"}},
		{name: "HEAD of a file", method: http.MethodHead, handler: func(c *gin.Context) { c.File(file) }, want: testsite.Header{Name: "Accept-Ranges", Value: "bytes"}},
	}
}

// surroundings are the middlewares and protocols in which a handler may answer.
var surroundings = []struct {
	name          string
	http1         bool
	before, after []gin.HandlerFunc
}{
	{name: "HTTP1", http1: true},
	{name: "HTTP2"},
	{name: "gzip outside", before: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
	{name: "gzip inside", after: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
	{name: "gzip outside, HTTP1", http1: true, before: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
	{name: "gzip inside, HTTP1", http1: true, after: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
}

// However a handler answers, its response goes out as it is, with the session saved before it.
// If the save fails, nothing of the response goes out.
func TestWriterWaysToAnswer(t *testing.T) {
	ways := waysToAnswer(t)
	for _, around := range surroundings {
		t.Run(around.name, func(t *testing.T) {
			t.Parallel()
			site := testsite.New(t, testsite.Setup{HTTP1: around.http1, Before: around.before, After: around.after, Routes: func(r *gin.Engine) {
				r.SetHTMLTemplate(template.Must(template.New("page").Parse("<p>{{.Name}}</p>")))
				r.Any("/:way", func(c *gin.Context) {
					var way int
					_, _ = fmt.Sscan(c.Param("way"), &way)
					ginsession.Get(c).Set("v", way)
					ways[way].handler(c)
				})
			}})
			outside := strings.HasPrefix(around.name, "gzip outside")
			for i, way := range ways {
				t.Run(way.name, func(t *testing.T) { checkWay(t, site, i, way, outside) })
			}
		})
	}
}

// unavailableText is the body of the default answer to a store that fails.
const unavailableText = "Sessions are unavailable at the moment. Please try again.\n"

func checkWay(t *testing.T, site *testsite.Site, i int, way wayToAnswer, gzipOutside bool) {
	v := site.Visitor()
	send := func() *testsite.Reply {
		t.Helper()
		method := way.method
		if method == "" {
			method = http.MethodGet
		}
		site.Calls()
		var headers []testsite.Header
		if way.header.Name != "" {
			headers = append(headers, way.header)
		}
		return v.Send(method, fmt.Sprintf("/%d", i), headers...)
	}
	for _, calls := range []string{"Create", "Load Update"} {
		reply := send()
		if reply.StatusCode != max(way.status, http.StatusOK) || reply.Text != way.body {
			t.Errorf("%s: answer %d %.80q, want %d %.80q", calls, reply.StatusCode, reply.Text, way.status, way.body)
		}
		if got := reply.Header.Get(way.want.Name); got != way.want.Value {
			t.Errorf("%s: %s is %q, want %q", calls, way.want.Name, got, way.want.Value)
		}
		if reply.SessionCookie() == nil {
			t.Errorf("%s: no cookie", calls)
		}
		checkVary(t, reply, gzipOutside)
		if got := site.Calls(); got != calls {
			t.Errorf("store calls %q, want %q", got, calls)
		}
	}

	site.Store.FailOn(errStore, "Update")
	defer site.Store.FailOn(nil)
	reply := send()
	if reply.StatusCode != http.StatusServiceUnavailable || way.method != http.MethodHead && reply.Text != unavailableText {
		t.Errorf("failed save: answer %d %.80q", reply.StatusCode, reply.Text)
	}
	if reply.SessionCookie() != nil || reply.Header.Get("Cache-Control") != "no-store" || reply.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("failed save: headers %v", reply.Header)
	}
	for _, name := range []string{"Location", "ETag", "Last-Modified", "Content-Range", "Content-Disposition", "X-Accel-Buffering"} {
		if value := reply.Header.Get(name); value != "" {
			t.Errorf("failed save: %s is still %q", name, value)
		}
	}
	checkVary(t, reply, gzipOutside)
}

// checkVary wants a response to vary by cookie. gin-contrib/gzip in front of the sessions
// removes every Vary from an answer of 400 or more, which is out of our reach.
func checkVary(t *testing.T, reply *testsite.Reply, gzipOutside bool) {
	t.Helper()
	if gzipOutside && reply.StatusCode >= http.StatusBadRequest {
		return
	}
	if !strings.Contains(strings.Join(reply.Header["Vary"], ","), "Cookie") {
		t.Errorf("%d: Vary: %q", reply.StatusCode, reply.Header["Vary"])
	}
}
