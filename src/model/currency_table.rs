//! The rows of ISO 4217: every code in use that has a minor unit, as of Amendment 180 (Bulgaria's euro, 1 January 2026).

use super::Currency;

/// What ISO 4217 says about one code, and the code in lower case for the providers that write it so.
pub(super) struct Row {
    pub(super) code: &'static str,
    pub(super) lower: &'static str,
    pub(super) numeric: u16,
    pub(super) exponent: u8,
    pub(super) name: &'static str,
}

/// Codes whose minor unit is "N.A.": metals, units of account, the test code and "no currency".
pub(super) const WITHOUT_MINOR_UNIT: [&str; 13] =
    ["XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"];

// A variant per row makes a lookup total, with no index to be wrong, and lets callers match on the constants.
macro_rules! currencies {
    ($($code:ident $lower:tt $numeric:literal $exponent:literal $name:literal)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(clippy::upper_case_acronyms, reason = "the standard's own spelling")]
        pub(super) enum Listed { $($code),* }

        impl Listed {
            /// Every row, in the order of the codes (not `ALL`: that is the Albanian lek).
            pub(super) const IN_ORDER: &[Self] = &[$(Self::$code),*];

            pub(super) const fn row(self) -> &'static Row {
                match self {
                    $(Self::$code => &Row {
                        code: stringify!($code),
                        lower: stringify!($lower),
                        numeric: $numeric,
                        exponent: $exponent,
                        name: $name,
                    },)*
                }
            }
        }

        impl Currency {
            $(#[doc = concat!($name, ".")] pub const $code: Self = Self(Listed::$code);)*
        }
    };
}

currencies! {
    AED aed 784 2 "UAE Dirham"
    AFN afn 971 2 "Afghani"
    ALL all 8 2 "Lek"
    AMD amd 51 2 "Armenian Dram"
    AOA aoa 973 2 "Kwanza"
    ARS ars 32 2 "Argentine Peso"
    AUD aud 36 2 "Australian Dollar"
    AWG awg 533 2 "Aruban Florin"
    AZN azn 944 2 "Azerbaijan Manat"
    BAM bam 977 2 "Convertible Mark"
    BBD bbd 52 2 "Barbados Dollar"
    BDT bdt 50 2 "Taka"
    BHD bhd 48 3 "Bahraini Dinar"
    BIF bif 108 0 "Burundi Franc"
    BMD bmd 60 2 "Bermudian Dollar"
    BND bnd 96 2 "Brunei Dollar"
    BOB bob 68 2 "Boliviano"
    BOV bov 984 2 "Mvdol"
    BRL brl 986 2 "Brazilian Real"
    BSD bsd 44 2 "Bahamian Dollar"
    BTN btn 64 2 "Ngultrum"
    BWP bwp 72 2 "Pula"
    BYN byn 933 2 "Belarusian Ruble"
    BZD bzd 84 2 "Belize Dollar"
    CAD cad 124 2 "Canadian Dollar"
    CDF cdf 976 2 "Congolese Franc"
    CHE che 947 2 "WIR Euro"
    CHF chf 756 2 "Swiss Franc"
    CHW chw 948 2 "WIR Franc"
    CLF clf 990 4 "Unidad de Fomento"
    CLP clp 152 0 "Chilean Peso"
    CNY cny 156 2 "Yuan Renminbi"
    COP cop 170 2 "Colombian Peso"
    COU cou 970 2 "Unidad de Valor Real"
    CRC crc 188 2 "Costa Rican Colon"
    CUP cup 192 2 "Cuban Peso"
    CVE cve 132 2 "Cabo Verde Escudo"
    CZK czk 203 2 "Czech Koruna"
    DJF djf 262 0 "Djibouti Franc"
    DKK dkk 208 2 "Danish Krone"
    DOP dop 214 2 "Dominican Peso"
    DZD dzd 12 2 "Algerian Dinar"
    EGP egp 818 2 "Egyptian Pound"
    ERN ern 232 2 "Nakfa"
    ETB etb 230 2 "Ethiopian Birr"
    EUR eur 978 2 "Euro"
    FJD fjd 242 2 "Fiji Dollar"
    FKP fkp 238 2 "Falkland Islands Pound"
    GBP gbp 826 2 "Pound Sterling"
    GEL gel 981 2 "Lari"
    GHS ghs 936 2 "Ghana Cedi"
    GIP gip 292 2 "Gibraltar Pound"
    GMD gmd 270 2 "Dalasi"
    GNF gnf 324 0 "Guinean Franc"
    GTQ gtq 320 2 "Quetzal"
    GYD gyd 328 2 "Guyana Dollar"
    HKD hkd 344 2 "Hong Kong Dollar"
    HNL hnl 340 2 "Lempira"
    HTG htg 332 2 "Gourde"
    HUF huf 348 2 "Forint"
    IDR idr 360 2 "Rupiah"
    ILS ils 376 2 "New Israeli Sheqel"
    INR inr 356 2 "Indian Rupee"
    IQD iqd 368 3 "Iraqi Dinar"
    IRR irr 364 2 "Iranian Rial"
    ISK isk 352 0 "Iceland Krona"
    JMD jmd 388 2 "Jamaican Dollar"
    JOD jod 400 3 "Jordanian Dinar"
    JPY jpy 392 0 "Yen"
    KES kes 404 2 "Kenyan Shilling"
    KGS kgs 417 2 "Som"
    KHR khr 116 2 "Riel"
    KMF kmf 174 0 "Comorian Franc"
    KPW kpw 408 2 "North Korean Won"
    KRW krw 410 0 "Won"
    KWD kwd 414 3 "Kuwaiti Dinar"
    KYD kyd 136 2 "Cayman Islands Dollar"
    KZT kzt 398 2 "Tenge"
    LAK lak 418 2 "Lao Kip"
    LBP lbp 422 2 "Lebanese Pound"
    LKR lkr 144 2 "Sri Lanka Rupee"
    LRD lrd 430 2 "Liberian Dollar"
    LSL lsl 426 2 "Loti"
    LYD lyd 434 3 "Libyan Dinar"
    MAD mad 504 2 "Moroccan Dirham"
    MDL mdl 498 2 "Moldovan Leu"
    MGA mga 969 2 "Malagasy Ariary"
    MKD mkd 807 2 "Denar"
    MMK mmk 104 2 "Kyat"
    MNT mnt 496 2 "Tugrik"
    MOP mop 446 2 "Pataca"
    MRU mru 929 2 "Ouguiya"
    MUR mur 480 2 "Mauritius Rupee"
    MVR mvr 462 2 "Rufiyaa"
    MWK mwk 454 2 "Malawi Kwacha"
    MXN mxn 484 2 "Mexican Peso"
    MXV mxv 979 2 "Mexican Unidad de Inversion (UDI)"
    MYR myr 458 2 "Malaysian Ringgit"
    MZN mzn 943 2 "Mozambique Metical"
    NAD nad 516 2 "Namibia Dollar"
    NGN ngn 566 2 "Naira"
    NIO nio 558 2 "Cordoba Oro"
    NOK nok 578 2 "Norwegian Krone"
    NPR npr 524 2 "Nepalese Rupee"
    NZD nzd 554 2 "New Zealand Dollar"
    OMR omr 512 3 "Rial Omani"
    PAB pab 590 2 "Balboa"
    PEN pen 604 2 "Sol"
    PGK pgk 598 2 "Kina"
    PHP php 608 2 "Philippine Peso"
    PKR pkr 586 2 "Pakistan Rupee"
    PLN pln 985 2 "Zloty"
    PYG pyg 600 0 "Guarani"
    QAR qar 634 2 "Qatari Rial"
    RON ron 946 2 "Romanian Leu"
    RSD rsd 941 2 "Serbian Dinar"
    RUB rub 643 2 "Russian Ruble"
    RWF rwf 646 0 "Rwanda Franc"
    SAR sar 682 2 "Saudi Riyal"
    SBD sbd 90 2 "Solomon Islands Dollar"
    SCR scr 690 2 "Seychelles Rupee"
    SDG sdg 938 2 "Sudanese Pound"
    SEK sek 752 2 "Swedish Krona"
    SGD sgd 702 2 "Singapore Dollar"
    SHP shp 654 2 "Saint Helena Pound"
    SLE sle 925 2 "Leone"
    SOS sos 706 2 "Somali Shilling"
    SRD srd 968 2 "Surinam Dollar"
    SSP ssp 728 2 "South Sudanese Pound"
    STN stn 930 2 "Dobra"
    SVC svc 222 2 "El Salvador Colon"
    SYP syp 760 2 "Syrian Pound"
    SZL szl 748 2 "Lilangeni"
    THB thb 764 2 "Baht"
    TJS tjs 972 2 "Somoni"
    TMT tmt 934 2 "Turkmenistan New Manat"
    TND tnd 788 3 "Tunisian Dinar"
    TOP top 776 2 "Pa’anga"
    TRY try 949 2 "Turkish Lira"
    TTD ttd 780 2 "Trinidad and Tobago Dollar"
    TWD twd 901 2 "New Taiwan Dollar"
    TZS tzs 834 2 "Tanzanian Shilling"
    UAH uah 980 2 "Hryvnia"
    UGX ugx 800 0 "Uganda Shilling"
    USD usd 840 2 "US Dollar"
    USN usn 997 2 "US Dollar (Next day)"
    UYI uyi 940 0 "Uruguay Peso en Unidades Indexadas (UI)"
    UYU uyu 858 2 "Peso Uruguayo"
    UYW uyw 927 4 "Unidad Previsional"
    UZS uzs 860 2 "Uzbekistan Sum"
    VED ved 926 2 "Bolívar Soberano"
    VES ves 928 2 "Bolívar Soberano"
    VND vnd 704 0 "Dong"
    VUV vuv 548 0 "Vatu"
    WST wst 882 2 "Tala"
    XAD xad 396 2 "Arab Accounting Dinar"
    XAF xaf 950 0 "CFA Franc BEAC"
    XCD xcd 951 2 "East Caribbean Dollar"
    XCG xcg 532 2 "Caribbean Guilder"
    XOF xof 952 0 "CFA Franc BCEAO"
    XPF xpf 953 0 "CFP Franc"
    YER yer 886 2 "Yemeni Rial"
    ZAR zar 710 2 "Rand"
    ZMW zmw 967 2 "Zambian Kwacha"
    ZWG zwg 924 2 "Zimbabwe Gold"
}
