//! An Authenticode signature that says much and signs nothing.

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 2;
const OCTETS: u8 = 4;

const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const RSA_SHA_256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
const COUNTERSIGNATURE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 6];
const SPC_INDIRECT_DATA: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 4];
const SPC_OPUS_INFO: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 12];

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], &content].concat()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

fn oid(bytes: &[u8]) -> Vec<u8> {
    element(6, &[bytes])
}

fn algorithm(bytes: &[u8]) -> Vec<u8> {
    sequence(&[&oid(bytes), &element(5, &[])])
}

/// A name of one part, the common name.
fn name(common: &str) -> Vec<u8> {
    sequence(&[&element(SET, &[&sequence(&[&oid(&[0x55, 4, 3]), &element(0x0c, &[common.as_bytes()])])])])
}

fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[&oid(kind), &element(SET, &[value])])
}

fn certificate(issuer: &str, subject: &str, serial: &[u8]) -> Vec<u8> {
    let validity = sequence(&[&element(0x17, &[b"200101000000Z"]), &element(0x17, &[b"300101000000Z"])]);
    let signed = sequence(&[
        &element(0xa0, &[&element(INTEGER, &[&[2]])]),
        &element(INTEGER, &[serial]),
        &algorithm(RSA_SHA_256),
        &name(issuer),
        &validity,
        &name(subject),
        &sequence(&[&algorithm(RSA), &element(3, &[&[0]])]),
    ]);
    sequence(&[&signed, &algorithm(RSA_SHA_256), &element(3, &[&[0]])])
}

fn signer(issuer: &str, serial: &[u8], signed: &[Vec<u8>], unsigned: &[Vec<u8>]) -> Vec<u8> {
    sequence(&[
        &element(INTEGER, &[&[1]]),
        &sequence(&[&name(issuer), &element(INTEGER, &[serial])]),
        &algorithm(SHA_256),
        &element(0xa0, &[&signed.concat()]),
        &algorithm(RSA_SHA_256),
        &element(OCTETS, &[&[9; 8]]),
        &element(0xa1, &[&unsigned.concat()]),
    ])
}

/// A certificate table of one entry: Somebody signed with a certificate of Authority's, Clock countersigned.
pub(super) fn signature() -> Vec<u8> {
    let digest = sequence(&[&algorithm(SHA_256), &element(OCTETS, &[&[0xab; 32]])]);
    let content =
        sequence(&[&oid(SPC_INDIRECT_DATA), &element(0xa0, &[&sequence(&[&sequence(&[]), &digest])])]);
    let opus = sequence(&[
        &element(0xa0, &[&element(0x80, &[&[0, b'A', 0, b'p', 0, b'p']])]),
        &element(0xa1, &[&element(0x80, &[b"https://example.org"])]),
    ]);
    let time = attribute(SIGNING_TIME, &element(0x17, &[b"210101000000Z"]));
    let clock =
        signer("Clock", &[3], &[attribute(MESSAGE_DIGEST, &element(OCTETS, &[&[0xcd; 2]])), time], &[]);
    let signed = [
        attribute(CONTENT_TYPE, &oid(SPC_INDIRECT_DATA)),
        attribute(MESSAGE_DIGEST, &element(OCTETS, &[&[0xef; 2]])),
        attribute(SPC_OPUS_INFO, &opus),
    ];
    let certificates = [
        certificate("Authority", "Somebody", &[0, 0xfe, 1]),
        certificate("Authority", "Authority", &[2]),
        certificate("Clock", "Clock", &[0, 3]),
    ];
    let data = sequence(&[
        &element(INTEGER, &[&[1]]),
        &element(SET, &[&algorithm(SHA_256)]),
        &content,
        &element(0xa0, &[&certificates.concat()]),
        &element(
            SET,
            &[&signer("Authority", &[0, 0xfe, 1], &signed, &[attribute(COUNTERSIGNATURE, &clock)])],
        ),
    ]);
    let pkcs7 = sequence(&[&oid(SIGNED_DATA), &element(0xa0, &[&data])]);
    let length = u32::try_from(pkcs7.len() + 8).unwrap();
    let mut table = [&length.to_le_bytes()[..], &[0, 2, 2, 0], &pkcs7].concat();
    table.resize(table.len().next_multiple_of(8), 0);
    table
}
