/* tls_fixture: certificates by OpenSSL's own functions, so that no program is needed. */
#include "tls_fixture.h"

#include "foundation/test/test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

static void folder_remove(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    (void)!system(command); /* NOLINT(cert-env33-c): the path is ours */
}

static void path_make(char out[TLS_PATH_BYTES], const char *label, const char *suffix)
{
    if (!folder[0]) {
        snprintf(folder, sizeof(folder), "/tmp/kb-tls-XXXXXX");
        CHECK(mkdtemp(folder) != NULL);
        atexit(folder_remove);
    }
    snprintf(out, TLS_PATH_BYTES, "%s/%s%s", folder, label, suffix);
}

/* By another name first: a reader never sees half a file. */
static FILE *file_begin(const char *path, char fresh[TLS_PATH_BYTES + 8])
{
    snprintf(fresh, TLS_PATH_BYTES + 8, "%s.new", path);
    FILE *file = fopen(fresh, "we");
    CHECK(file != NULL);
    return file;
}

static void file_end(FILE *file, const char *fresh, const char *path)
{
    CHECK_INT(fclose(file), 0);
    CHECK_INT(rename(fresh, path), 0);
}

void tls_file_write(const char *label, str bytes, char out[TLS_PATH_BYTES])
{
    char fresh[TLS_PATH_BYTES + 8];
    path_make(out, label, "");
    FILE *file = file_begin(out, fresh);
    CHECK_INT(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    file_end(file, fresh, out);
}

static X509 *certificate_make(EVP_PKEY *key, const char *names, long serial)
{
    char list[512] = "";
    size_t len = 0;
    X509 *cert = X509_new();
    str name, rest = str_of(names);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                               0);
    X509_set_issuer_name(cert, subject);
    while (str_cut(&rest, ',', &name))
        len += (size_t)snprintf(list + len, sizeof(list) - MIN_OF(len, sizeof(list)), "%sDNS:%.*s",
                                len ? "," : "", STR_ARG(name));
    CHECK(len < sizeof(list));
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, list);
    CHECK(extension != NULL);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

struct tls_files tls_files_make(const char *label, const char *names, long serial)
{
    struct tls_files files;
    char fresh[TLS_PATH_BYTES + 8];
    path_make(files.cert, label, ".crt");
    path_make(files.key, label, ".key");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = certificate_make(key, names, serial);
    FILE *file = file_begin(files.key, fresh);
    CHECK(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    file_end(file, fresh, files.key);
    file = file_begin(files.cert, fresh);
    CHECK(PEM_write_X509(file, cert) == 1);
    file_end(file, fresh, files.cert);
    X509_free(cert);
    EVP_PKEY_free(key);
    return files;
}

SSL_CTX *tls_client_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    CHECK(context != NULL);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    return context;
}

long tls_peer_serial(SSL *ssl)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    return cert ? ASN1_INTEGER_get(X509_get0_serialNumber(cert)) : -1;
}
