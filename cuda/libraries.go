//go:build cuda && cgo && linux

package cuda

/*
#cgo CFLAGS: -D_GNU_SOURCE

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>

// library_open loads a library and returns its path, as the loader owns it; NULL when
// it cannot be loaded. The library is never closed: CUDA's libraries keep threads
// and thread-local data that outlive a dlclose.
static const char *library_open(const char *name, void **handle) {
	struct link_map *map = NULL;
	*handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
	if (*handle == NULL) return NULL;
	if (dlinfo(*handle, RTLD_DI_LINKMAP, &map) != 0 || map == NULL) return name;
	return map->l_name;
}

// library_version calls the library's own version function; 0 when it has none.
static size_t library_version(void *handle, const char *function) {
	size_t (*version)(void) = (size_t (*)(void))dlsym(handle, function);
	return version != NULL ? version() : 0;
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// blasLt are the names of cuBLASLt, newest first. The first that loads is the one
// that would be used.
var blasLt = [...]string{"libcublasLt.so.13", "libcublasLt.so.12"}

func libraries() []Library {
	for _, name := range blasLt {
		if lib, ok := openLibrary(name, "cublasLtGetVersion"); ok {
			return []Library{lib}
		}
	}
	return nil
}

// openLibrary loads name and asks its function for the version.
func openLibrary(name, function string) (Library, bool) {
	cname, cfunction := C.CString(name), C.CString(function)
	defer C.free(unsafe.Pointer(cname))
	defer C.free(unsafe.Pointer(cfunction))
	var handle unsafe.Pointer
	path := C.library_open(cname, &handle)
	if handle == nil {
		return Library{}, false
	}
	lib := Library{Name: name, Path: resolve(C.GoString(path))}
	if v := int(C.library_version(handle, cfunction)); v > 0 {
		lib.Version = fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100) // 130002 is 13.0.2
	}
	return lib, true
}
