// Command django is the Gin half of a pair of programs that share their sessions; the other
// half is the Django site beside it. See README.md.
package main

import (
	"errors"
	"flag"
	"html/template"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/django"
)

const secretKey = "for this example only" // site/settings.py has the same

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "the `address` to serve")
	file := flag.String("db", "site/site.db", "the Django site's database, an SQLite `file`")
	flag.Parse()

	db, err := gorm.Open(sqlite.Open("file:"+*file+"?mode=rw&_busy_timeout=20000"), &gorm.Config{})
	if err != nil {
		log.Fatalf("%v: does %s exist? See README.md", err, *file)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("http://%s/", listener.Addr())
	server := http.Server{Handler: newHandler(db), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(listener))
}

func newHandler(db *gorm.DB) http.Handler {
	site := djangoSite{db}
	r := gin.Default()
	r.SetHTMLTemplate(template.Must(template.New("cart").Parse(page)))
	r.Use(ginsession.New(ginsession.ForDjango(db, ginsession.DjangoOptions{SecretKey: secretKey})))
	r.GET("/", site.show)
	r.POST("/", site.add)
	r.POST("/logout", site.logout)
	return http.NewCrossOriginProtection().Handler(r) // what Django's CSRF token is for
}

// A djangoSite is what this program knows of the site: its database.
type djangoSite struct{ db *gorm.DB }

// A user is a row of the site's table auth_user.
type user struct {
	ID       string
	Username string
	Password string
	IsActive bool
}

func (user) TableName() string { return "auth_user" }

// currentUser is Django's request.user: nil if nobody has signed in.
func (site djangoSite) currentUser(s *ginsession.Session) (*user, error) {
	id, ok := django.UserID(s)
	if !ok {
		return nil, nil
	}
	var u user
	err := site.db.Where("id = ?", id).Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !u.IsActive || !django.VerifyAuthHash(s, u.Password, secretKey) {
		return nil, nil
	}
	return &u, nil
}

func (site djangoSite) show(c *gin.Context) {
	s := ginsession.Get(c)
	u, err := site.currentUser(s)
	if err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
		return
	}
	cart, _ := ginsession.Value[[]string](s, "cart")
	c.HTML(http.StatusOK, "cart", gin.H{"User": u, "Cart": cart})
}

func (djangoSite) add(c *gin.Context) {
	item := c.PostForm("item")
	_, err := ginsession.Modify(ginsession.Get(c), "cart", func(cart []string, _ bool) []string {
		return append(cart, item)
	})
	if err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/")
}

func (djangoSite) logout(c *gin.Context) {
	if err := django.Logout(ginsession.Get(c)); err != nil {
		return // the session's middleware answers
	}
	c.Redirect(http.StatusSeeOther, "/")
}
