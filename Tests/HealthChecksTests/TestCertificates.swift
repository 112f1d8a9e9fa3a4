/// Certificates of the tests, valid until 2126. The keys protect nothing.
enum TestCertificates {
    /// Signed the server's.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBqDCCAU+gAwIBAgIUOUY//uUdajafuRwLkDLU1GQ3HrkwCgYIKoZIzj0EAwIw
        ITEfMB0GA1UEAwwWQXV0aG9yaXR5IG9mIHRoZSB0ZXN0czAgFw0yNjExMjEwODMz
        MTlaGA8yMTI2MTAyODA4MzMxOVowITEfMB0GA1UEAwwWQXV0aG9yaXR5IG9mIHRo
        ZSB0ZXN0czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLF58vSH5l59HOjYOiCY
        75dllBksXU3+hEsc2ZTSkRc+unVpkJy+oYwZ6pW4KsCS/nHXuWUFucoodzVKK12P
        cyKjYzBhMB0GA1UdDgQWBBR5XfKk5ZW52Zc8NKmCV+Cl8/lr8jAfBgNVHSMEGDAW
        gBR5XfKk5ZW52Zc8NKmCV+Cl8/lr8jAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB
        /wQEAwICBDAKBggqhkjOPQQDAgNHADBEAiBu3aywcEktonboZBJLqsLmpY3gE2SA
        FvfTfUpaThBtLwIgTVz1EBOC+mW99ZkBLmi1tYwL6II2Iwf241oQ90eujWY=
        -----END CERTIFICATE-----
        """

    /// For `backend.test` and 127.0.0.1.
    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBsTCCAVigAwIBAgIUU/JUQbUCabzYrIuBOnH51Nl0jdwwCgYIKoZIzj0EAwIw
        ITEfMB0GA1UEAwwWQXV0aG9yaXR5IG9mIHRoZSB0ZXN0czAgFw0yNjExMjEwODMz
        MTlaGA8yMTI2MTAyODA4MzMxOVowFzEVMBMGA1UEAwwMYmFja2VuZC50ZXN0MFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVZE4uS4CdzgYgZ9dk6Ac65b7a/E5PkMT
        MNm7vy4YJRfaA0GqzVYMEV0lqbotU14WXHelimlQC2LvoI728JjbU6N2MHQwHQYD
        VR0RBBYwFIIMYmFja2VuZC50ZXN0hwR/AAABMBMGA1UdJQQMMAoGCCsGAQUFBwMB
        MB0GA1UdDgQWBBSuUsrEBAPkxJVizoFAxFsQSYeR/TAfBgNVHSMEGDAWgBR5XfKk
        5ZW52Zc8NKmCV+Cl8/lr8jAKBggqhkjOPQQDAgNHADBEAiAa/FLNFDhJC1597VM3
        qsGUK9mQ23f/2sDfSADRlE8VNAIgZ4AVpoevwYDLzQWnkPxOpjBEm22Z0vkIvRYx
        CVKnrN8=
        -----END CERTIFICATE-----
        """

    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQge4+7wn2hvl9XicEz
        Rg6ixaiz6Dr81GPODxZDa04iEdGhRANCAARVkTi5LgJ3OBiBn12ToBzrlvtr8Tk+
        QxMw2bu/LhglF9oDQarNVgwRXSWpui1TXhZcd6WKaVALYu+gjvbwmNtT
        -----END PRIVATE KEY-----
        """

    /// Signed nothing here.
    static let otherAuthority = """
        -----BEGIN CERTIFICATE-----
        MIIBjzCCATWgAwIBAgIUbb5pAaB9N2jpGXHk/ux8E3fdAwgwCgYIKoZIzj0EAwIw
        HDEaMBgGA1UEAwwRQW5vdGhlciBhdXRob3JpdHkwIBcNMjYxMTIxMDgzMzE5WhgP
        MjEyNjEwMjgwODMzMTlaMBwxGjAYBgNVBAMMEUFub3RoZXIgYXV0aG9yaXR5MFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEq8TYTKP9whiwMgN1LoKSBMp/GEt0SRRu
        RmCWl/OQgQUdckb0myfY7RjocQaoiEoEjESHze6aFJFj+O5SnzksvKNTMFEwHQYD
        VR0OBBYEFNyAo+0EuQqWEwjINSldN38SeMdgMB8GA1UdIwQYMBaAFNyAo+0EuQqW
        EwjINSldN38SeMdgMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIh
        ALJs+m3uVbPQLuNoqr+nRGAZrDxNZBbphdY1eTbWgqH6AiA3ScXt8R3wN2f4eo1D
        GzR/yXV00Z5q5WfoxcrpyqSvlg==
        -----END CERTIFICATE-----
        """
}
