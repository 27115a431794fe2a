import{p as a,q as b}from"./chunk-MTBVCSU2.js";import"./chunk-UOVMJD7V.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
