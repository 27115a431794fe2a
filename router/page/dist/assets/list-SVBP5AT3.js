import{p as a,q as b}from"./chunk-TZDVDRHA.js";import"./chunk-7CI6E5MZ.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
